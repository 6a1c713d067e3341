import CoreMetrics
import Eventually
import Logging

/// Where spans are sent, by OTLP over HTTP as JSON.
public struct SpanCollector: Sendable {
  /// The URL that requests go to, `http://127.0.0.1:4318/v1/traces` for example.
  public var endpoint: HTTPEndpoint
  /// What each request has besides: a key of whoever runs the collector, for example.
  public var headers: [(name: String, value: String)]
  /// What the spans are of: `service.name` and the like.
  public var resource: [(name: String, value: String)]

  /// A collector that takes OTLP.
  public init(
    endpoint: HTTPEndpoint, headers: [(name: String, value: String)] = [],
    resource: [(name: String, value: String)]
  ) {
    self.endpoint = endpoint
    self.headers = headers
    self.resource = resource
  }
}

/// Sends spans in batches, beside whatever is traced: that never waits for the collector.
final class SpanExporter: Sendable {
  private let collector: SpanCollector
  private let request: OTLPRequest
  private let logger: Logger
  private let queue = Locked(SpanQueue())
  private let start = ContinuousClock.now
  private let wake = PositionSignal(at: 0)
  /// Set once, by ``begin()``.
  private let sender = Locked<Task<Void, Never>?>(nil)

  init(_ collector: SpanCollector, logger: Logger) {
    self.collector = collector
    self.logger = logger
    request = OTLPRequest(resource: collector.resource, version: LibraryVersion.current)
  }

  /// What came of the spans until now.
  var counts: (sent: Int, lost: [SpanQueue.Loss: Int]) { queue.withLock { ($0.sent, $0.lost) } }

  private var now: Duration { start.duration(to: .now) }

  func begin() {
    sender.withLock { $0 = $0 ?? Task { await run() } }
  }

  func add(_ span: FinishedSpan) {
    if queue.withLock({ $0.add(span) }) { wakeSender() }
  }

  /// Returns once all spans have been sent, after `limit` at the latest. No further ones are taken.
  func end(within limit: Duration) async {
    queue.withLock { $0.end(at: now, limit: limit) }
    wakeSender()
    _ = await sender.withLock { $0 }?.value(within: limit + .seconds(1))
  }

  private func wakeSender() {
    wake.advance(to: wake.position &+ 1)
  }

  private func run() async {
    var generator = SystemRandomNumberGenerator()
    var told = Counts()
    var isFailing = false
    while true {
      // Before the step is decided: what comes after it wakes.
      let position = wake.position
      let (step, counts) = queue.withLock { queue in (queue.next(at: now), Counts(queue)) }
      // Each time: where the collector is slow there is always something to send.
      told.report(counts)
      switch step {
      case .ended: return
      case .wait(let limit):
        let waiting = Task { await wake.wait(past: position) }
        _ = await waiting.value(within: limit)
        waiting.cancel()
      case .send(let spans):
        let (outcome, reason) = await send(spans)
        queue.withLock { $0.answered(outcome, at: now, using: &generator) }
        // Once, not each time.
        if let reason, !isFailing {
          logger.warning(
            "spans can't be sent; while too many wait, further ones are dropped",
            metadata: ["collector": "\(collector.endpoint)", "reason": "\(reason)"])
        } else if reason == nil, isFailing {
          logger.notice(
            "spans are sent again", metadata: ["collector": "\(collector.endpoint)"])
        }
        isFailing = reason != nil
      }
    }
  }

  /// - Returns: what came of it, and why, where it was not taken.
  private func send(_ spans: [FinishedSpan]) async -> (SpanQueue.Outcome, reason: String?) {
    let answer: HTTPAnswer
    do {
      answer = try await ask(spans)
    } catch {
      return (.failed(after: nil), "\(error)")
    }
    switch answer.status {
    case 200..<300:
      let answer = OTLPAnswer(answer.body)
      guard answer.refusedSpans > 0 else { return (.taken(but: 0), nil) }
      return (
        .taken(but: answer.refusedSpans),
        "\(answer.refusedSpans) were refused: \(answer.message)"
      )
    case 429, 502, 503, 504:
      return (.failed(after: answer.retryAfter), "HTTP status \(answer.status)")
    default:
      let text = String(decoding: answer.body.prefix(200), as: UTF8.self)
      return (.refused, "HTTP status \(answer.status): \(text)")
    }
  }

  private struct TookTooLong: Error, CustomStringConvertible {
    let description = "there was no whole answer within ten seconds"
  }

  /// An endpoint's time limit is for the beginning of an answer, which may be one that never ends.
  private func ask(_ spans: [FinishedSpan]) async throws -> HTTPAnswer {
    try await withThrowingTaskGroup(of: HTTPAnswer?.self) { group in
      group.addTask { [collector, request] in
        try await collector.endpoint.ask(
          "POST", "", body: request.body(spans), headers: collector.headers)
      }
      group.addTask {
        try await Task.sleep(for: .seconds(10))
        return nil
      }
      defer { group.cancelAll() }
      guard let answer = try await group.next() ?? nil else { throw TookTooLong() }
      return answer
    }
  }

  /// What the metrics were told.
  private struct Counts {
    private var sent = 0
    private var lost: [SpanQueue.Loss: Int] = [:]

    init() {}

    init(_ queue: SpanQueue) {
      sent = queue.sent
      lost = queue.lost
    }

    mutating func report(_ now: Counts) {
      if now.sent > sent {
        Counter(label: MetricName.sentSpans).increment(by: now.sent - sent)
      }
      for (loss, count) in now.lost where count > lost[loss, default: 0] {
        Counter(label: MetricName.lostSpans, dimensions: [("reason", loss.rawValue)])
          .increment(by: count - lost[loss, default: 0])
      }
      self = now
    }
  }
}
