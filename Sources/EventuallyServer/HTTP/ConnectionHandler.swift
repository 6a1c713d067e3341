import Eventually
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Keeps a connection within a server's limits: bodies that don't arrive, clients that don't read, and what is not HTTP. It
/// answers `Expect: 100-continue`, and ends the connection in order when the server stops.
final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let limits: ServerLimits
  private let connections: Connections
  private var connection: Connection?
  private var state = ConnectionState()
  private var bodyDeadline: Scheduled<Void>?
  private var stallDeadline: Scheduled<Void>?
  private var isClosed = false

  init(limits: ServerLimits, connections: Connections) {
    self.limits = limits
    self.connections = connections
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let connection = Connection(context.channel)
    self.connection = connection
    connections.add(connection)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    bodyDeadline?.cancel()
    stallDeadline?.cancel()
    isClosed = true
    if let connection { connections.remove(connection) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    isClosed = true
    if let connection { connections.remove(connection) }
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !state.isDeaf else { return }
    switch unwrapInboundIn(data) {
    case .head(let head):
      let connection = head.headerFields[.connection]?.lowercased() ?? ""
      guard state.headReceived(isLast: connection.contains("close")) else { return }
      acceptBody(of: head, context)
      context.fireChannelRead(data)
    case .body:
      context.fireChannelRead(data)
    case .end:
      state.endReceived()
      bodyDeadline?.cancel()
      bodyDeadline = nil
      connection?.setBusy(state.isBusy)
      context.fireChannelRead(data)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    // Most requests come as a whole, and need no deadline.
    if state.isReceiving, bodyDeadline == nil {
      bodyDeadline = context.eventLoop.assumeIsolated().scheduleTask(
        in: TimeAmount(limits.body)
      ) { self.execute(self.state.bodyIsLate(), context) }
    }
    context.fireChannelReadComplete()
  }

  /// A client that asks whether to send the body is told to, where the answer is not clear without it.
  private func acceptBody(of head: HTTPRequest, _ context: ChannelHandlerContext) {
    guard head.headerFields[.expect]?.lowercased() == "100-continue", state.unanswered == 1,
      head.headerFields[.contentLength].flatMap({ Int($0) }) ?? 0 <= limits.largestBody
    else { return }
    context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(var head) where state.isLastAnswer:
      head.headerFields[.connection] = "close"
      context.write(wrapOutboundOut(.head(head)), promise: promise)
    case .end:
      let closes = state.answerEnded()
      connection?.setBusy(state.isBusy)
      guard closes else { return context.write(data, promise: promise) }
      let sent = promise ?? context.eventLoop.makePromise()
      sent.futureResult.assumeIsolated().whenComplete { _ in self.close(context) }
      context.writeAndFlush(data, promise: sent)
    default:
      context.write(data, promise: promise)
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    stallDeadline?.cancel()
    stallDeadline = nil
    if !context.channel.isWritable {
      stallDeadline = context.eventLoop.assumeIsolated().scheduleTask(
        in: TimeAmount(limits.stalledWrite)
      ) { self.close(context) }
    }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard event is ChannelShouldQuiesceEvent else {
      return context.fireUserInboundEventTriggered(event)
    }
    execute(state.stop(), context)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    execute(state.failed(), context, error)
  }

  private func execute(
    _ action: ConnectionState.Action, _ context: ChannelHandlerContext, _ error: (any Error)? = nil
  ) {
    guard !isClosed else { return }
    switch action {
    case .nothing: break
    case .close: close(context)
    case .failBody(.tooSlow):
      context.fireErrorCaught(
        RequestError(
          kind: .tooSlow, "the body did not arrive within \(limits.body): send the request again"))
    case .failBody(.stopping):
      context.fireErrorCaught(RequestError.stopping)
    case .passError:
      if let error { context.fireErrorCaught(error) }
    case .refuse:
      if let error { refuse(error, context) }
    }
  }

  /// Answers what is no request.
  private func refuse(_ error: any Error, _ context: ChannelHandlerContext) {
    guard !(error is IOError), context.channel.isActive else { return close(context) }
    let response = RequestError(unreadable: error).response(id: nil)
    var head = HTTPResponse(status: response.status)
    head.headerFields = response.fields
    head.headerFields[.contentLength] = "\(response.bytes.count)"
    head.headerFields[.connection] = "close"
    let sent = context.eventLoop.makePromise(of: Void.self)
    sent.futureResult.assumeIsolated().whenComplete { _ in self.close(context) }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(ByteBuffer(bytes: response.bytes))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: sent)
  }

  private func close(_ context: ChannelHandlerContext) {
    guard !isClosed else { return }
    isClosed = true
    context.close(promise: nil)
  }
}

extension RequestError {
  /// The process ends, and does not work on this any more.
  static var stopping: RequestError {
    RequestError(kind: .stopping, "the process is stopping: try again in a moment")
  }
}
