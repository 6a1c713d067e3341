import Eventually
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes

/// HTTP/1 connections that end in order even where nobody comes to handle them.
///
/// A connection is accepted and set up by event loops, and handled by a task of the server. In between it waits in a queue,
/// which a server that stops drops with all that is in it. NIO traps where the writer of an open connection is released
/// without being finished, so what is dropped finishes its writer here, and is closed with that.
struct AcceptedConnections: ServerChildChannel {
  private let http: HTTP1Channel
  private let prepare: @Sendable (any Channel) throws -> Void

  /// - Parameter prepare: adds what comes before HTTP, TLS for example.
  init(_ http: HTTP1Channel, prepare: @escaping @Sendable (any Channel) throws -> Void = { _ in }) {
    self.http = http
    self.prepare = prepare
  }

  /// One connection, until it is handled or dropped.
  final class Value: ServerChildChannelValue {
    let channel: any Channel
    private let waiting: Locked<HTTP1Channel.Value?>

    init(_ connection: HTTP1Channel.Value) {
      channel = connection.channel
      waiting = Locked(connection)
    }

    /// Hands the connection over to who ends it; `nil` where it was handed over before.
    func take() -> HTTP1Channel.Value? {
      waiting.withLock { waiting in
        defer { waiting = nil }
        return waiting
      }
    }

    deinit {
      guard let connection = take() else { return }
      // The task holds the writer until it is finished. Only the closure could throw.
      Task { try await connection.executeThenClose { _, _ in } }
    }
  }

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    channel.eventLoop.makeCompletedFuture { try prepare(channel) }
      .flatMap { http.setup(channel: channel, logger: logger) }
      .map { Value($0) }
      .flatMapErrorThrowing { error in
        // Nobody else would.
        channel.close(promise: nil)
        throw error
      }
  }

  func handle(value: Value, logger: Logger) async {
    guard let connection = value.take() else { return }
    await http.handle(value: connection, logger: logger)
  }
}
