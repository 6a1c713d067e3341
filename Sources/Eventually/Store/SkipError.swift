/// Why an event can't be skipped.
public enum SkipError: Error, Sendable, CustomStringConvertible {
  /// The store has no such partition.
  case noPartition(Partition, count: Partition)
  /// The partition is not held by this event: by another one, or by none.
  case notRefused(partition: Partition, offset: UInt64, heldBy: UInt64?)
  /// The store could not be written.
  case unavailable(location: String, cause: any Error)

  /// What is wrong, and what to do.
  public var description: String {
    switch self {
    case .noPartition(let partition, let count):
      "the store has the partitions 0 to \(count - 1): there is no \(partition)"
    case .notRefused(let partition, let offset, let holder?):
      "the event at partition \(partition), partition offset \(offset), does not hold its partition: the one at "
        + "partition offset \(holder) does (the command 'status')"
    case .notRefused(let partition, let offset, nil):
      "partition \(partition) is not held by an event that the broker refuses, so that the one at partition offset "
        + "\(offset) can't be skipped (the command 'status')"
    case .unavailable(let location, let cause):
      "the decision could not be written to the store \(location): \(cause)"
    }
  }
}
