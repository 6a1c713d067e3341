import Eventually
import Testing
import Tracing

@testable import EventuallyServer

struct SpanQueueTests {
  static let limits = SpanQueue.Limits(
    capacity: 5, batch: 2, interval: .seconds(10),
    retries: RetryPolicy(attempts: 3, firstPause: .seconds(2), longestPause: .seconds(3)))

  /// The queue, as something that a test can ask within an expectation. Its pauses have their full length.
  final class Queue {
    private struct FullLength: RandomNumberGenerator {
      mutating func next() -> UInt64 { .max }
    }

    private var queue = SpanQueue(limits: SpanQueueTests.limits)
    private var random = FullLength()

    var sent: Int { queue.sent }
    var lost: [SpanQueue.Loss: Int] { queue.lost }

    func add(_ span: FinishedSpan) -> Bool { queue.add(span) }
    func next(at now: Duration) -> SpanQueue.Step { queue.next(at: now) }
    func end(at now: Duration, limit: Duration) { queue.end(at: now, limit: limit) }
    func answered(_ outcome: SpanQueue.Outcome, at now: Duration) {
      queue.answered(outcome, at: now, using: &random)
    }
  }

  static func span(_ name: String = "span") -> FinishedSpan {
    FinishedSpan(
      name: name, kind: .internal, identity: W3CIdentity(in: nil, sampling: .all), parentID: nil,
      start: 0)
  }

  private func names(_ step: SpanQueue.Step) -> [String]? {
    guard case .send(let spans) = step else { return nil }
    return spans.map(\.name)
  }

  private func pause(_ step: SpanQueue.Step) -> Duration? {
    guard case .wait(let pause) = step else { return nil }
    return pause
  }

  @Test func spansWaitForOthersAndNotLong() {
    let queue = Queue()
    #expect(pause(queue.next(at: .seconds(1))) == .seconds(10))
    #expect(!queue.add(Self.span("a")))
    #expect(pause(queue.next(at: .seconds(4))) == .seconds(7))
    #expect(names(queue.next(at: .seconds(11))) == ["a"])
    queue.answered(.taken(but: 0), at: .seconds(12))
    #expect(!queue.add(Self.span("b")))
    #expect(queue.add(Self.span("c")))
    #expect(names(queue.next(at: .seconds(13))) == ["b", "c"])
    // While a batch is on its way, a further one wakes nobody.
    #expect(!queue.add(Self.span("d")))
    #expect(!queue.add(Self.span("e")))
    queue.answered(.taken(but: 1), at: .seconds(14))
    #expect(names(queue.next(at: .seconds(14))) == ["d", "e"])
    #expect(queue.sent == 2 && queue.lost == [.refused: 1])
  }

  @Test func whatDoesNotFitIsDroppedAndCounted() {
    let queue = Queue()
    for _ in 0..<8 { _ = queue.add(Self.span()) }
    #expect(queue.lost == [.full: 3])
    #expect(names(queue.next(at: .zero))?.count == 2)
    queue.answered(.refused, at: .zero)
    #expect(queue.lost == [.full: 3, .refused: 2])
  }

  @Test func aBatchIsRepeatedAndThenDropped() {
    let queue = Queue()
    for name in ["a", "b", "c"] { _ = queue.add(Self.span(name)) }
    #expect(names(queue.next(at: .zero)) == ["a", "b"])
    queue.answered(.failed(after: nil), at: .zero)
    #expect(pause(queue.next(at: .seconds(1))) == .seconds(1))
    #expect(names(queue.next(at: .seconds(2))) == ["a", "b"])
    // The collector's own wish counts, where it is longer.
    queue.answered(.failed(after: .seconds(20)), at: .seconds(2))
    #expect(pause(queue.next(at: .seconds(10))) == .seconds(12))
    #expect(names(queue.next(at: .seconds(22))) == ["a", "b"])
    queue.answered(.failed(after: nil), at: .seconds(22))
    #expect(queue.lost == [.unreachable: 2])
    #expect(names(queue.next(at: .seconds(22))) == ["c"])
  }

  @Test func theEndSendsWhatIsLeftWithinItsLimit() {
    let queue = Queue()
    for name in ["a", "b", "c"] { _ = queue.add(Self.span(name)) }
    #expect(names(queue.next(at: .zero)) == ["a", "b"])
    queue.answered(.failed(after: nil), at: .zero)
    queue.end(at: .seconds(1), limit: .seconds(5))
    // Without the rest of the pause.
    #expect(names(queue.next(at: .seconds(1))) == ["a", "b"])
    queue.answered(.taken(but: 0), at: .seconds(2))
    #expect(names(queue.next(at: .seconds(2))) == ["c"])
    queue.answered(.failed(after: nil), at: .seconds(3))
    #expect(!queue.add(Self.span("late")))
    #expect(pause(queue.next(at: .seconds(4))) == .seconds(1))
    #expect(names(queue.next(at: .seconds(5))) == ["c"])
    queue.answered(.failed(after: nil), at: .seconds(5))
    guard case .ended = queue.next(at: .seconds(6)) else {
      Issue.record("it goes on")
      return
    }
    #expect(queue.sent == 2 && queue.lost == [.full: 1, .unreachable: 1])
  }

  /// Random inputs, by seed: each span is sent, lost or still here, and never sent twice once it was taken.
  @Test(arguments: 0..<200) func noSpanIsForgotten(seed: UInt64) {
    var generator = SplitMix(seed: seed)
    let queue = Queue()
    var (added, now) = (0, Duration.zero)
    var taken: Set<String> = []
    for _ in 0..<200 {
      now += .milliseconds(Int.random(in: 0...4000, using: &generator))
      if Bool.random(using: &generator) {
        _ = queue.add(Self.span("\(added)"))
        added += 1
        continue
      }
      guard case .send(let spans) = queue.next(at: now) else { continue }
      #expect(!spans.isEmpty && spans.count <= 2 && taken.isDisjoint(with: spans.map(\.name)))
      switch Int.random(in: 0..<3, using: &generator) {
      case 0: queue.answered(.failed(after: nil), at: now)
      case 1: queue.answered(.refused, at: now)
      default:
        queue.answered(.taken(but: 0), at: now)
        taken.formUnion(spans.map(\.name))
      }
    }
    queue.end(at: now, limit: .zero)
    guard case .ended = queue.next(at: now) else {
      Issue.record("it goes on (seed \(seed))")
      return
    }
    #expect(
      queue.sent == taken.count && added == queue.sent + queue.lost.values.reduce(0, +),
      "\(queue.lost) of \(added), seed \(seed)")
  }
}
