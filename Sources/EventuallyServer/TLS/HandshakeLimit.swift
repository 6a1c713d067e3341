import Logging
import NIOCore
import NIOTLS

/// Closes a connection whose client takes too long for its TLS handshake, and keeps errors of TLS from whoever speaks HTTP on it: no
/// answer could be sent.
final class HandshakeLimit: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let limit: TimeAmount
  private let logger: Logger
  private var deadline: Scheduled<Void>?

  init(_ limit: TimeAmount, logger: Logger) {
    self.limit = limit
    self.logger = logger
  }

  func handlerAdded(context: ChannelHandlerContext) {
    deadline = context.eventLoop.assumeIsolated().scheduleTask(in: limit) {
      self.logger.debug("a TLS handshake took too long", metadata: self.peer(context))
      context.close(promise: nil)
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    deadline?.cancel()
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent { deadline?.cancel() }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if error is IOError { return context.fireErrorCaught(error) }
    // Where it matters, the TLS handler closes the connection; a client that goes away without a goodbye is no error.
    logger.debug(
      "TLS of a connection failed", metadata: peer(context).merging(["error": "\(error)"]) { $1 })
  }

  private func peer(_ context: ChannelHandlerContext) -> Logger.Metadata {
    ["client": "\(context.remoteAddress.map { "\($0)" } ?? "unknown")"]
  }
}
