/// What a store has kept of an idempotency key, and what that means for a request that comes with the key again.
package struct RecordedKey<Request: Equatable & Sendable>: Sendable {
  /// Where the stream's last event was after the request; `nil` where it had none.
  package var last: EventPosition?
  /// The highest number of a sender that numbers its requests.
  package var number: UInt64?
  /// What the request was, where that is known.
  package var request: Request?
  /// When the key was kept.
  package var time: Timestamp

  package init(last: EventPosition?, number: UInt64?, request: Request?, time: Timestamp) {
    self.last = last
    self.number = number
    self.request = request
    self.time = time
  }

  /// What a request is to a store that has kept its key.
  package enum Verdict: Equatable {
    /// One to be carried out.
    case new
    /// One that was carried out before.
    case repetition
    /// Another one than the first with the key.
    case otherRequest
  }

  /// - Parameters:
  ///   - number: the request's number, where its sender numbers them.
  ///   - request: what the request is, where that is known.
  ///   - now: the time.
  ///   - lifetime: how long keys live; `nil` for as long as their streams.
  package func verdict(
    number: UInt64?, request: Request?, now: Timestamp, lifetime: Duration?
  ) -> Verdict {
    if let number, let highest = self.number, number != highest {
      return number > highest ? .new : .repetition
    }
    if isExpired(at: now, lifetime: lifetime) { return .new }
    if let first = self.request, let request, first != request { return .otherRequest }
    return .repetition
  }

  /// Whether the key has outlived its lifetime. A sender's highest number never does: it takes no more room with time.
  package func isExpired(at now: Timestamp, lifetime: Duration?) -> Bool {
    guard let lifetime, number == nil else { return false }
    let age = Duration.microseconds(now.microseconds - time.microseconds)
    return age >= lifetime
  }
}
