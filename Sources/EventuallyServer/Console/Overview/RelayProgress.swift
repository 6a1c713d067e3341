import Eventually

/// Since when nothing is published though something waits. It knows no clock.
struct RelayProgress {
  private var published: UInt64?
  private var since: Timestamp?

  /// - Parameters:
  ///   - published: the sequence number up to which everything is acknowledged.
  ///   - head: the store's last one.
  /// - Returns: since when it stands; `nil` where nothing waits, or it was moving just now.
  mutating func note(published now: UInt64, head: UInt64, at time: Timestamp) -> Timestamp? {
    let isMoving = published != now
    published = now
    if isMoving || now >= head { since = nil }
    if now < head { since = since ?? time }
    return isMoving ? nil : since
  }
}
