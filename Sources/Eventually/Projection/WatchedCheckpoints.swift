/// A read model's checkpoints as a worker's subscription gets them. What they fail with is marked, so that the worker can tell failures of
/// its database from those of the bus.
final class WatchedCheckpoints: PartitionCheckpointStore {
  /// A failure of the database, whoever met it.
  struct Failure: Error, CustomStringConvertible {
    var cause: any Error
    /// Whether the database has answered since it failed before.
    var hasAnswered: Bool

    var description: String { "\(cause)" }
  }

  private let store: any PartitionCheckpointStore
  private let hasAnswered = Locked(false)

  init(_ store: any PartitionCheckpointStore) { self.store = store }

  func claim(_ partitions: [Partition], owner: String) async throws -> [PartitionLease] {
    try await watching { try await store.claim(partitions, owner: owner) }
  }

  func keep(_ records: [RejectedRecord]) async throws {
    try await watching { try await store.keep(records) }
  }

  var crashJournal: (any CrashJournal)? { store.crashJournal }

  func parkRequests(in partition: Partition) async throws -> Set<UInt64> {
    try await watching { try await store.parkRequests(in: partition) }
  }

  func markForged(_ partition: Partition, at position: UInt64) async throws {
    try await watching { try await store.markForged(partition, at: position) }
  }

  private func watching<Result: Sendable>(
    _ body: () async throws -> Result
  ) async throws -> Result {
    do {
      let result = try await body()
      hasAnswered.withLock { $0 = true }
      return result
    } catch {
      let hasAnswered = hasAnswered.withLock { hasAnswered in
        defer { hasAnswered = false }
        return hasAnswered
      }
      throw Failure(cause: error, hasAnswered: hasAnswered)
    }
  }
}
