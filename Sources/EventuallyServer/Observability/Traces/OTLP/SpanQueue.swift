import Eventually

/// Which spans a collector gets when. No I/O: whoever sends asks what is next, and tells what came of it.
///
/// Spans that can't be kept or sent are dropped and counted: they must neither hold up what is traced nor fill the memory.
struct SpanQueue: Sendable {
  struct Limits: Sendable {
    /// So many spans wait at most; further ones are dropped.
    var capacity = 8192
    var batch = 512
    /// How long a span waits for others.
    var interval: Duration = .seconds(2)
    var retries = RetryPolicy(attempts: 6, firstPause: .seconds(1), longestPause: .seconds(30))
  }

  /// What came of a batch.
  enum Outcome: Sendable, Equatable {
    /// The collector has it, but for some of its spans.
    case taken(but: Int)
    /// It may be taken later.
    /// - Parameter after: how long the collector asks to wait.
    case failed(after: Duration?)
    /// It will never be taken.
    case refused
  }

  enum Step: Sendable {
    case send([FinishedSpan])
    /// Nothing is to be sent for this time, unless ``add(_:)`` or ``end(at:limit:)`` say so.
    case wait(Duration)
    case ended
  }

  /// Spans that came to nothing.
  enum Loss: String, Sendable, CaseIterable {
    /// Too many waited.
    case full
    /// The collector refused them.
    case refused
    /// The collector could not be reached, or had no time, too often.
    case unreachable
  }

  private struct Batch {
    var spans: [FinishedSpan]
    var attempts = 0
    /// When it may be sent again; `nil` while it is being sent.
    var due: Duration?
  }

  let limits: Limits
  private var waiting: [FinishedSpan] = []
  private var batch: Batch?
  /// When the sender last took what waited, or found nothing.
  private var lastTaken: Duration = .zero
  /// When what is left is dropped; `nil` before the end.
  private var deadline: Duration?
  private(set) var sent = 0
  private(set) var lost: [Loss: Int] = [:]

  init(limits: Limits = Limits()) {
    self.limits = limits
  }

  /// Adds a span.
  /// - Returns: whether the sender is to go on now, as a batch is full.
  mutating func add(_ span: FinishedSpan) -> Bool {
    guard waiting.count < limits.capacity, deadline == nil else {
      lose(1, .full)
      return false
    }
    waiting.append(span)
    return waiting.count == limits.batch && batch == nil
  }

  /// Nothing more comes; what there is has until `limit` to be sent. The sender is to go on now.
  mutating func end(at now: Duration, limit: Duration) {
    deadline = deadline ?? now + limit
    if batch?.due != nil { batch?.due = now }
  }

  /// What the sender does now.
  /// - Parameter now: a time of a clock that never goes back.
  mutating func next(at now: Duration) -> Step {
    if let deadline, now >= deadline {
      lose(waiting.count + (batch?.spans.count ?? 0), .unreachable)
      waiting = []
      batch = nil
    }
    if let due = batch?.due {
      guard now >= due else { return .wait(wait(until: due, at: now)) }
      return send(at: now)
    }
    guard !waiting.isEmpty else {
      lastTaken = now
      return deadline == nil ? .wait(limits.interval) : .ended
    }
    let isDue = waiting.count >= limits.batch || deadline != nil
    guard isDue || now >= lastTaken + limits.interval else {
      return .wait(lastTaken + limits.interval - now)
    }
    batch = Batch(spans: Array(waiting.prefix(limits.batch)))
    waiting.removeFirst(min(limits.batch, waiting.count))
    lastTaken = now
    return send(at: now)
  }

  /// What came of the batch that was sent last.
  mutating func answered(
    _ outcome: Outcome, at now: Duration, using generator: inout some RandomNumberGenerator
  ) {
    guard let sending = batch else { return }
    switch outcome {
    case .taken(let refused):
      let refused = min(max(refused, 0), sending.spans.count)
      sent += sending.spans.count - refused
      lose(refused, .refused)
      batch = nil
    case .refused:
      lose(sending.spans.count, .refused)
      batch = nil
    case .failed(let asked):
      guard sending.attempts < limits.retries.attempts else {
        lose(sending.spans.count, .unreachable)
        batch = nil
        return
      }
      let pause = limits.retries.pause(afterFailures: sending.attempts, using: &generator)
      batch?.due = now + max(pause, asked ?? .zero)
    }
  }

  private mutating func send(at now: Duration) -> Step {
    batch?.attempts += 1
    batch?.due = nil
    return .send(batch?.spans ?? [])
  }

  private func wait(until due: Duration, at now: Duration) -> Duration {
    min(due, deadline ?? due) - now
  }

  private mutating func lose(_ count: Int, _ loss: Loss) {
    if count > 0 { lost[loss, default: 0] += count }
  }
}
