/// A partition of a read model that is behind the store.
public struct LatePartition: Sendable, Hashable {
  /// Why a partition goes on no further, where the store and the read model tell.
  public enum Cause: Sendable, Hashable {
    /// The type of the event that comes next is not known.
    case held(HeldPartition)
    /// An event was applied at this partition offset that the store does not have there.
    case forged(at: UInt64)
  }

  /// The partition.
  public var partition: Partition
  /// The store's last partition offset.
  public var head: UInt64
  /// How far the partition was ever applied; `nil` where no worker has taken it.
  public var checkpoint: CheckpointStatus?
  /// Why it goes on no further; `nil` where they do not tell.
  public var cause: Cause?

  /// Names where the partition stands, since when, and why where that is known.
  /// - Parameter hint: what to do about a cause, in the words of the program that shows it; `nil` for one that they do not tell.
  public func description(hint: (Cause?) -> String) -> String {
    guard let checkpoint else {
      return "partition \(partition): no worker has taken it; the store ends at "
        + "partition offset \(head)"
    }
    let position = checkpoint.position.map { "partition offset \($0)" } ?? "its beginning"
    let why =
      switch cause {
      case .held(let held): held.description
      case .forged(let position): "a forged event was applied at partition offset \(position)"
      case nil: "neither the store nor the read model tells why"
      }
    return "partition \(partition) stands at \(position) of \(head) since \(checkpoint.updated), "
      + "taken last by \(checkpoint.owner): \(why)\(hint(cause))"
  }

  /// The partitions of a read model that have not applied everything up to the store's heads.
  public static func find<Codec: EventCodec>(
    _ reader: any ReadModelSource, in log: any EventLog, heads: [UInt64], codec: Codec
  ) async throws -> [LatePartition] {
    let checkpoints = try await reader.checkpoints()
    let held = try await HeldPartition.find(reader, in: log, codec: codec)
    let forged = try await reader.forgedPositions()
    return heads.enumerated().compactMap { index, head in
      let partition = Partition(index)
      let checkpoint = checkpoints.first { $0.partition == partition }
      guard checkpoint?.position ?? 0 < head else { return nil }
      let cause =
        forged[partition].map { Cause.forged(at: $0) }
        ?? held.first { $0.position.partition == partition }.map { .held($0) }
      return LatePartition(partition: partition, head: head, checkpoint: checkpoint, cause: cause)
    }
  }
}
