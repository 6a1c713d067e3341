/// Partition and partition offset of a command's last event. A query that comes with it waits until the read model has
/// applied that event.
public struct ConsistencyToken: Sendable, Hashable, LosslessStringConvertible {
  /// The event's partition.
  public var partition: Partition
  /// The event's offset in its partition, at most 2⁶².
  public var offset: UInt64

  /// The token of an event.
  public init(_ position: EventPosition) {
    partition = position.partition
    offset = position.partitionOffset
  }

  /// The token that a text stands for, `<partition>-<partition offset>`; `nil` where it is none.
  public init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, (1...9).contains(parts[0].utf8.count),
      (1...19).contains(parts[1].utf8.count),
      parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
      let partition = Partition(parts[0]), partition >= 0,
      let offset = UInt64(parts[1]), offset <= 1 << 62
    else { return nil }
    self.partition = partition
    self.offset = offset
  }

  /// `<partition>-<partition offset>`
  public var description: String { "\(partition)-\(offset)" }
}
