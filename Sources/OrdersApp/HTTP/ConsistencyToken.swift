import Eventually
import EventuallySQLite
import HTTPTypes
import Hummingbird
import ServiceLifecycle

/// The place of an event in its partition, as a command's answer tells it and a query takes it: whoever has changed
/// something and asks for it with the token sees the change, whichever worker or server answers.
struct ConsistencyToken: Sendable, Hashable, CustomStringConvertible {
  /// Of answers to commands, and of queries.
  static let header = HTTPField.Name("eventually-token")
  /// A query waits for at most this long.
  static let longestWait = Duration.seconds(30)

  var partition: Partition
  var position: UInt64

  init(partition: Partition, position: UInt64) {
    self.partition = partition
    self.position = position
  }

  /// `<partition>-<partition offset>`
  init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let partition = Partition(parts[0]), partition >= 0,
      let position = UInt64(parts[1]), position <= 1 << 62
    else { return nil }
    self.init(partition: partition, position: position)
  }

  var description: String { "\(partition)-\(position)" }
}

extension Reply {
  /// The answer with the token in a header too.
  func carrying(_ token: ConsistencyToken?) -> Reply {
    guard let token, let name = ConsistencyToken.header else { return self }
    var reply = self
    reply.headers[name] = token.description
    return reply
  }
}

extension Request {
  /// The token that a query comes with, in a parameter or a header.
  /// - Throws: an answer 400 where it is none.
  func consistencyToken() throws -> ConsistencyToken? {
    let header = ConsistencyToken.header.flatMap { headers[$0] }
    guard let text = try parameter("after") ?? header else { return nil }
    guard let token = ConsistencyToken(text) else {
      throw HTTPError(
        .badRequest, message: "'\(text.prefix(40))' is not a token: a command's answer has one")
    }
    return token
  }
}

extension ConsistencyToken {
  /// Waits until a read model has applied what the token stands for.
  ///
  /// - Parameter open: opens the live generation; another one may become that while this waits.
  /// - Returns: the generation that has applied it.
  /// - Throws: an answer 503: with the position that was reached where that takes too long, and at once where the process
  ///   stops.
  func wait(
    atMost limit: Duration, _ open: () throws -> ReadModelReader
  ) async throws -> ReadModelReader {
    let deadline = ContinuousClock.now + limit
    while true {
      if Task.isShuttingDownGracefully { throw HTTPError.stopping }
      let reader = try open()
      guard partition < reader.partitionCount else {
        throw HTTPError(
          .unprocessableContent,
          message: "the token '\(self)' names a partition that the store does not have")
      }
      let slice = max(.zero, min(deadline - .now, .milliseconds(100)))
      let reached = try await reader.wait(for: position, in: partition, atMost: slice) ?? 0
      if reached >= position { return reader }
      guard ContinuousClock.now < deadline else {
        throw HTTPError(
          .serviceUnavailable, headers: [.retryAfter: "1"],
          message: "the read model has applied partition \(partition) up to \(reached), not yet "
            + "\(position)")
      }
    }
  }
}
