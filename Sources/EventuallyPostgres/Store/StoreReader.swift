import Eventually

/// Reads a store's tables, and tells nobody what a crash of the server could take back.
///
/// An append is visible before it is durable, for the time of a flush. Whatever shows an event beyond those that are known to be
/// durable is handed out when `flushed()` has returned, which began after it was read.
final class StoreReader: Sendable {
  let pool: PostgresPool
  let location: String
  let sizes = StreamSizes()
  /// The largest sequence number that is known to be durable, on a server that had changed so often.
  private let durable = Locked((sequence: 0 as UInt64, changes: 0))
  /// A standby has only what was flushed.
  private let isStandby: Bool
  let server: StoreServer

  init(pool: PostgresPool, location: String, isStandby: Bool, server: StoreServer) {
    self.pool = pool
    self.location = location
    self.isStandby = isStandby
    self.server = server
  }

  /// What was read, and the largest sequence number that it tells of.
  struct Found<Value: Sendable>: Sendable {
    var value: Value
    /// `.max` where it tells of what has no number.
    var newest: UInt64

    init(_ value: Value, newest: UInt64) {
      self.value = value
      self.newest = newest
    }
  }

  func read<Value: Sendable>(
    _ operation: String, _ statements: [PostgresStatement],
    _ decode: ([PostgresRows]) throws -> Found<Value>
  ) async throws(EventStoreError) -> Value {
    do {
      let found = try decode(try await runTwice(statements, operation))
      try await wait(for: found.newest)
      return found.value
    } catch {
      throw .failed(location, .read, error)
    }
  }

  /// Returns when all that somebody saw up to a sequence number is durable.
  func wait(for sequence: UInt64) async throws(PostgresError) {
    let changes = server.changes
    // What was durable on the server before may not be there: other events get its numbers.
    let isDurable = durable.withLock { $0.changes == changes && sequence <= $0.sequence }
    if isStandby || isDurable { return }
    let rows = try await runTwice([Self.flushed], "wait for a flush")
    noteDurable(try rows[0].unsigned(0, 0), changes)
  }

  /// - Parameter changes: how often the server had changed before it was asked.
  func noteDurable(_ sequence: UInt64, _ changes: Int) {
    durable.withLock { durable in
      if changes > durable.changes { durable = (0, changes) }
      if changes == durable.changes { durable.sequence = max(durable.sequence, sequence) }
    }
  }

  static let flushed = PostgresStatement("SELECT flushed()")

  /// Where a connection is lost, all of them may be, as where the server is started anew: the pool makes another one.
  private func runTwice(
    _ statements: [PostgresStatement], _ operation: String
  ) async throws(PostgresError) -> [PostgresRows] {
    do throws(PostgresError) {
      return try await pool.run(statements, operation)
    } catch {
      guard error.isInDoubt || error.state?.reaction == .reconnect else { throw error }
      return try await pool.run(statements, operation)
    }
  }
}
