import Eventually
import NIOCore
import NIOPosix
import NIOSSL

/// TLS in front of a development cluster, which has none: each broker at 127.0.0.1 has the same port at 127.0.0.2, and what it
/// answers names that address, which is as long as its own.
final class TLSFront: Sendable {
  /// The bootstrap servers.
  let brokers: String
  private let channels = Locked<[any Channel]>([])

  init(_ brokers: String, _ configuration: TLSConfiguration) async throws {
    self.brokers = brokers.replacing("127.0.0.1", with: "127.0.0.2")
    let context = try NIOSSLContext(configuration: configuration)
    for broker in brokers.split(separator: ",") {
      guard let port = broker.split(separator: ":").last.flatMap({ Int($0) }) else { continue }
      let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelInitializer { [weak self] client in
          self?.channels.withLock { $0.append(client) }
          return client.eventLoop.makeCompletedFuture {
            let broker = Self.connect(client, to: port)
            try client.pipeline.syncOperations.addHandlers([
              NIOSSLServerHandler(context: context), Requests(broker),
            ])
          }
        }
        .bind(host: "127.0.0.2", port: port).get()
      channels.withLock { $0.append(server) }
    }
  }

  deinit {
    for channel in channels.withLock({ $0 }) { channel.close(promise: nil) }
  }

  /// Closes all connections, and takes none any more.
  func end() async {
    for channel in channels.withLock({ $0 }) {
      // One that is closed already is as good.
      try? await channel.close()
    }
  }

  private static func connect(
    _ client: any Channel, to port: Int
  ) -> EventLoopFuture<any Channel> {
    ClientBootstrap(group: client.eventLoop)
      .channelInitializer { broker in
        broker.eventLoop.makeCompletedFuture {
          try broker.pipeline.syncOperations.addHandler(Answers(client))
        }
      }
      .connect(host: "127.0.0.1", port: port)
  }

  /// Takes what a client says to its broker.
  private final class Requests: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let broker: EventLoopFuture<any Channel>

    init(_ broker: EventLoopFuture<any Channel>) {
      self.broker = broker
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let bytes = unwrapInboundIn(data)
      broker.whenSuccess { $0.writeAndFlush(bytes, promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
      broker.whenSuccess { $0.close(promise: nil) }
    }

    /// A client that does not come through the handshake.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }
  }

  /// Takes what a broker answers to its client.
  private final class Answers: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let client: any Channel
    private var pending = ByteBuffer()

    init(_ client: any Channel) {
      self.client = client
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      pending.writeImmutableBuffer(unwrapInboundIn(data))
      while let answer = nextAnswer() { client.writeAndFlush(answer, promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
      client.close(promise: nil)
    }

    /// The next answer that has come as a whole, with its length before it.
    private func nextAnswer() -> ByteBuffer? {
      guard let length = pending.getInteger(at: pending.readerIndex, as: UInt32.self),
        var answer = pending.readSlice(length: 4 + Int(length))
      else { return nil }
      let address = Array("127.0.0.1".utf8)
      var view = answer.readableBytesView[...]
      while let found = view.firstRange(of: address) {
        answer.setInteger(UInt8(ascii: "2"), at: found.upperBound - 1)
        view = answer.readableBytesView[found.upperBound...]
      }
      return answer
    }
  }
}
