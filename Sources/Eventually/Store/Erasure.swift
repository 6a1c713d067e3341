/// A stream's last removal, and whether anything of its events is left in the store's file or tables.
public struct StreamErasure: Sendable, Hashable {
  /// The stream.
  public var streamID: String
  /// Where the removal is.
  public var removal: EventPosition
  /// When the stream was removed.
  public var removed: Timestamp
  /// When it was found that nothing is left of the events in the store's files; `nil` while something may be.
  public var erased: Timestamp?

  package init(
    streamID: String, removal: EventPosition, removed: Timestamp, erased: Timestamp?
  ) {
    self.streamID = streamID
    self.removal = removal
    self.removed = removed
    self.erased = erased
  }
}

/// Removals of whose events something may be left in the store's file or tables: in a write-ahead log, or in pages that wait to be cleaned.
public struct PendingErasures: Sendable, Hashable {
  /// How many streams.
  public var count: Int
  /// When the first of them was removed; `nil` for none.
  public var since: Timestamp?
  /// Why the last attempt was in vain, where there was one.
  public var reason: String?

  /// Nothing is pending.
  public init() {
    count = 0
  }
}
