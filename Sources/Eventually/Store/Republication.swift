/// What is to be published again.
public struct Republication: Sendable, Hashable {
  /// The sequence number of the first event that does not count as published any more.
  public var from: UInt64
  /// The sequence number up to which all events counted as published before.
  public var publishedBefore: UInt64
  /// The last sequence number of the store.
  public var head: UInt64

  package init(from: UInt64, publishedBefore: UInt64, head: UInt64) {
    self.from = from
    self.publishedBefore = publishedBefore
    self.head = head
  }
}

/// Why events can't be published again.
public enum RepublishError: Error, Sendable, CustomStringConvertible {
  /// The store has no event of this sequence number.
  case noEvent(sequenceNumber: UInt64, head: UInt64)
  /// The store's writer runs, or the store can't be opened as its writer.
  case noWriter(StoreOpenError)
  /// The store could not be written.
  case unavailable(location: String, cause: any Error)

  /// What is wrong, and what to do.
  public var description: String {
    switch self {
    case .noEvent(let sequenceNumber, let head):
      head == 0
        ? "the store has no events: there is nothing to publish again"
        : "the store has no event of the sequence number \(sequenceNumber): it has 1 to \(head)"
    case .noWriter(let error): error.description
    case .unavailable(let location, let cause):
      "the store \(location) could not be written: \(cause)"
    }
  }
}
