/// A partition of a read model that goes on no further, because the type of the event that comes next is not known to the codec.
public struct HeldPartition: Sendable, Hashable, CustomStringConvertible {
  /// Where the event is.
  public var position: EventPosition
  /// The name of the event's type.
  public var type: String
  /// Why it is not decoded.
  public var reason: String

  /// The partition, the event and the reason.
  public var description: String {
    "partition \(position.partition) is held before the event at partition offset \(position.partitionOffset), "
      + "sequence number \(position.sequenceNumber), of type '\(type)': \(reason)"
  }

  /// The held partitions of a read model, by what comes next in the store; events that are parked instead are not listed.
  public static func find<Codec: EventCodec>(
    _ reader: any ReadModelSource, in log: any EventLog, codec: Codec
  ) async throws -> [HeldPartition] {
    let positions = try await reader.checkpoints().positions(of: log.partitionCount)
    return try await find(after: positions, in: log, codec: codec)
  }

  /// The same by how far each partition is.
  package static func find<Codec: EventCodec>(
    after positions: [UInt64], in log: any EventLog, codec: Codec
  ) async throws -> [HeldPartition] {
    var held: [HeldPartition] = []
    for (partition, position) in positions.enumerated() {
      guard
        let record = try await log.records(
          partition: Partition(partition), after: position, limit: 1
        ).first
      else { continue }
      do {
        _ = try record.entry(decodedBy: codec)
      } catch {
        guard case .undecodable(let position, let type, let cause) = error else { throw error }
        held.append(HeldPartition(position: position, type: type, reason: "\(cause)"))
      }
    }
    return held
  }
}
