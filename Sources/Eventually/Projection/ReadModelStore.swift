/// Keeps a read model's rows and checkpoints, and applies deliveries to both in one transaction.
public protocol ReadModelStore<Event>: PartitionCheckpointStore {
  /// The events that are applied.
  associatedtype Event: Sendable

  /// Applies deliveries and moves their checkpoints, all in one transaction.
  ///
  /// The entries of streams that are parked are kept aside instead of being applied.
  /// - Parameters:
  ///   - deliveries: what was read under leases, at most one delivery for each of them.
  ///   - parking: events whose streams are to be parked from there on, in the same transaction.
  /// - Throws: ``ProjectionFailures`` where the read model's code fails on events that are not to be parked.
  ///   Whatever it throws, nothing has been applied.
  func apply(
    _ deliveries: [Delivery<Event>], parking: [ProjectionFailure]
  ) async throws -> ApplyOutcome

  /// Whether deliveries that ``apply(_:parking:)`` has told as applied are gone again, with their checkpoints: a store may commit without
  /// waiting for its disk. Leases that are taken anew go on from where the checkpoints are.
  func hasLostBatches() async throws -> Bool
}

extension ReadModelStore {
  /// Of a store that loses nothing.
  public func hasLostBatches() async throws -> Bool { false }
}

/// What became of a transaction's deliveries.
public struct ApplyOutcome: Sendable, Hashable {
  /// The leases that have been fenced, of whose deliveries nothing was applied.
  public var fenced: [PartitionLease]
  /// How many entries were parked because their streams are parked.
  public var parked: Int

  /// An outcome from its parts.
  public init(fenced: [PartitionLease] = [], parked: Int = 0) {
    self.fenced = fenced
    self.parked = parked
  }
}
