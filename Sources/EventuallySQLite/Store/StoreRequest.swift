import Eventually

/// Something that the writer does in a transaction.
struct StoreRequest: Sendable {
  enum Kind: Sendable {
    case append(streamID: String, expecting: ExpectedVersion, EncodedEvents)
    case remove(streamID: String)
    case snapshot(streamID: String, Snapshot)
    /// Nothing is left of streams that were removed up to a sequence number.
    case erased(through: UInt64)
    /// All events up to this one have been acknowledged by the bus.
    case published(UInt64)
    /// The same, and how far each partition is.
    case progress(PublishedProgress)
    /// No event changes: only whether the store can be written is of interest.
    case probe
  }

  var kind: Kind
  /// Hears of the outcome once it is durable; `nil` in it for requests that add no event.
  var completion: @Sendable (Result<AppendResult?, EventStoreError>) -> Void

  /// Whether it removes a stream.
  var isRemoval: Bool {
    if case .remove = kind { return true }
    return false
  }

  var weight: Int {
    if case .append(_, _, let events) = kind { return events.count }
    return 0
  }
}
