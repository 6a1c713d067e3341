import Eventually

/// Keeps what shows that a partition is consumed, or since when nothing does. It does no work itself.
///
/// A sign is a record, the end of the partition, or that the broker has no more than was consumed. Only the time counts
/// in which the worker waits for records: while it applies batches it asks for none.
struct PartitionEvidence: Equatable {
  /// A fetch that failed is told where no sign came while the worker waited for so long: less passes by itself.
  static let failureLimit = Duration.seconds(2)
  /// So long may the worker wait for a sign where no fetch has failed.
  static let silenceLimit = Duration.seconds(10)
  private static let longestProbePause = Duration.seconds(15)

  private var waited = Duration.zero
  private var failure: String?
  /// The offset at which the consumer was told that the partition ends.
  private var end: Int64?
  private var probePause = failureLimit
  private var nextProbe = failureLimit

  /// A record came.
  mutating func receive() {
    end = nil
    sign()
  }

  /// The end of the partition was reached at an offset.
  mutating func reachEnd(_ offset: Int64) {
    end = offset
    sign()
  }

  /// A fetch failed. librdkafka tells the same failure only once.
  mutating func fail(_ reason: String) { failure = reason }

  /// The worker has waited for records, and there were none.
  /// - Parameters:
  ///   - brokerEnd: where the broker says that the partition ends.
  ///   - nextOffset: where the consumer goes on.
  /// - Returns: whether to fetch from `nextOffset` anew, which brings a sign where fetches work again: at the end of a
  ///   partition librdkafka gives none by itself.
  mutating func wait(_ time: Duration, brokerEnd: Int64?, nextOffset: Int64) -> Bool {
    if failure == nil, let brokerEnd, brokerEnd <= max(nextOffset, end ?? nextOffset) {
      waited = .zero
      return false
    }
    waited += time
    guard failure != nil, waited >= nextProbe else { return false }
    // A fetch that takes long must not be given up again and again.
    probePause = min(probePause * 2, Self.longestProbePause)
    nextProbe = waited + probePause
    return true
  }

  /// What keeps records from coming; `nil` where nothing is known to.
  var stall: SubscriptionStatus.Stall? {
    guard waited >= (failure == nil ? Self.silenceLimit : Self.failureLimit) else { return nil }
    return SubscriptionStatus.Stall(waited: waited, reason: failure)
  }

  private mutating func sign() {
    guard waited != .zero || failure != nil else { return }
    waited = .zero
    failure = nil
    probePause = Self.failureLimit
    nextProbe = Self.failureLimit
  }
}
