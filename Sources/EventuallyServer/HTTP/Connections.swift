import Eventually
import NIOCore
import Synchronization

/// The connections of a server: their number is bounded, and those that bring nothing make way for new ones.
final class Connections: Sendable {
  private struct State {
    var open: [ObjectIdentifier: Connection] = [:]
    var isClosing = false
  }

  /// More connections than this make the one that has been idle for longest close.
  private let comfortable: Int
  private let state = Locked(State())

  init(limit: Int) {
    comfortable = max(1, limit - limit / 8)
  }

  /// A connection was opened; it is closed at once where the server closes.
  func add(_ connection: Connection) {
    let superfluous = state.withLock { state -> Connection? in
      state.open[ObjectIdentifier(connection)] = connection
      if state.isClosing { return connection }
      guard state.open.count > comfortable, let idle = Self.longestIdle(state.open.values) else {
        return nil
      }
      // At once: its end takes a moment, and the next new connection must find another one.
      state.open[ObjectIdentifier(idle)] = nil
      return idle
    }
    superfluous?.close()
  }

  func remove(_ connection: Connection) {
    state.withLock { $0.open[ObjectIdentifier(connection)] = nil }
  }

  /// Closes all connections, with what waits to be sent.
  func closeAll() {
    let open = state.withLock { state in
      state.isClosing = true
      return Array(state.open.values)
    }
    for connection in open { connection.close() }
  }

  private static func longestIdle(_ connections: some Collection<Connection>) -> Connection? {
    connections.lazy
      .compactMap { connection in connection.idleSince.map { ($0, connection) } }
      .min { $0.0 < $1.0 }?.1
  }
}

/// One connection, as others see it.
final class Connection: Sendable {
  private let channel: any Channel
  private let idle = Locked<ContinuousClock.Instant?>(.now)

  init(_ channel: any Channel) {
    self.channel = channel
  }

  /// Closes it, with what waits to be sent; later, since a connection that is being set up must not lose its handlers meanwhile.
  func close() {
    channel.eventLoop.execute { [channel] in channel.close(promise: nil) }
  }

  /// Since when no complete request of it waits for its answer; `nil` where one does.
  var idleSince: ContinuousClock.Instant? { idle.withLock { $0 } }

  func setBusy(_ isBusy: Bool) {
    let since = isBusy ? nil : ContinuousClock.now
    idle.withLock { $0 = since }
  }
}
