/// Decides when a worker that can't reach its read model's database leaves its partitions to others. It performs nothing.
struct DatabaseAbsence {
  /// For how long it may be away; `nil` where the partitions are kept.
  let limit: Duration?
  private var since: ContinuousClock.Instant?

  init(limit: Duration?) { self.limit = limit }

  /// The database has failed.
  /// - Returns: whether the partitions are to be left now.
  mutating func failed(at now: ContinuousClock.Instant) -> Bool {
    let begun = since ?? now
    since = begun
    guard let limit, now - begun >= limit else { return false }
    since = nil
    return true
  }

  mutating func answered() { since = nil }

  /// Why a worker has no partitions.
  struct Left: Error, CustomStringConvertible {
    var limit: Duration
    var cause: any Error

    var description: String {
      "nothing could be applied for \(limit.components.seconds) s: this worker leaves its partitions to others until the database "
        + "answers: \(cause)"
    }
  }
}
