/// Whose records of a log are meant.
public enum LogScope: Sendable, Hashable {
  /// All, in order of sequence number.
  case store
  /// Those of some partitions, in order of sequence number.
  case partitions(Set<Partition>)
  /// Those of one partition, in its own order.
  case partition(Partition)
}
