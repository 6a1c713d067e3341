public import Eventually

extension SubscriptionStatus {
  /// What the feed told of the store's end longer ago than this says nothing of how far a partition is behind it.
  public static let headsLimit = Duration.seconds(5)
  /// The same for the broker's ends.
  public static let brokerLimit = Duration.seconds(8)

  /// By how many events a partition is behind the store; where the store's end can't be had, by how many records it is
  /// behind the broker.
  /// - Returns: `nil` where neither end was told lately, where it is not known which record comes next, or where the store ends
  ///   before what was applied.
  public func lag(of partition: Partition, at now: ContinuousClock.Instant = .now) -> UInt64? {
    guard let state = partitions[partition], !state.isStoreBehind else { return nil }
    if let headsHeard, now - headsHeard <= Self.headsLimit, let head = state.storeHead {
      let position = state.position ?? 0
      return head - min(head, position)
    }
    return brokerLag(of: partition, at: now)
  }

  /// By how many records a partition is behind the broker.
  /// - Returns: `nil` where the broker has not answered lately, or where it is not known which record comes next.
  public func brokerLag(
    of partition: Partition, at now: ContinuousClock.Instant = .now
  ) -> UInt64? {
    guard let heard = broker.heard, now - heard <= Self.brokerLimit,
      let end = broker.ends[partition]
    else { return nil }
    if end == 0 { return 0 }
    guard let next = partitions[partition]?.nextOffset else { return nil }
    return UInt64(max(0, end - next))
  }
}
