import Eventually
import Testing

@testable import EventuallyKafka

@Suite struct ForgeryWatchTests {
  private static func id(_ offset: UInt64, isForged: Bool) -> EventID {
    EventID(high: isForged ? 2 : 1, low: offset)
  }

  /// A worker of one partition, the store, and the feed's answers on their way.
  private struct World {
    var progress = PartitionProgress(
      lease: PartitionLease(partition: 0, epoch: 1, position: nil, offsetHint: nil), startOffset: 0)
    var watch = ForgeryWatch()
    var head: UInt64 = 0
    var answer: (heads: [UInt64], asked: [Partition: UInt64])?
    /// Whether what was let through at a partition offset was forged.
    var applied: [UInt64: Bool] = [:]
    var isReported = false

    init() { watch.begin(0, at: nil, id: nil) }

    mutating func receive(_ offset: UInt64, isForged: Bool) {
      let id = ForgeryWatchTests.id(offset, isForged: isForged)
      switch progress.receive(offset, offset: 0) {
      case .accept:
        applied[offset] = isForged
        watch.accept(0, offset, id: id)
      case .duplicate:
        let found = watch.repeated(0, offset, id: { id })
        #expect((found == .other) == (applied[offset] != isForged))
      case .gap: _ = progress.rejectClaim(head: progress.expected - 1)
      case .ignore: break
      }
    }

    mutating func takeAnswer() {
      guard let answer else { return }
      self.answer = nil
      if !watch.learn(answer.heads, asked: answer.asked).isEmpty { isReported = true }
    }

    /// Looks at as many places as are due.
    mutating func check(routine: Bool) {
      while let place = watch.nextCheck(routine: routine) {
        let id =
          place.position <= head
          ? ForgeryWatchTests.id(place.position, isForged: false) : nil
        if watch.compare(place, storeHas: id) { isReported = true }
        if routine { break }
      }
    }
  }

  private enum Action: CaseIterable {
    case append, real1, real2, real3, forged1, forged2, forged3, ask, answer
  }

  /// Every way in which five things happen to a partition in which the store comes to have three events: once the relay
  /// has published them and the store has been asked, a forgery is reported where, and only where, one was applied.
  @Test func everyForgeryIsFoundAndNothingElse() {
    func run(_ world: World, _ actions: [Action]) {
      var end = world
      end.head = 3
      for offset in UInt64(1)...3 { end.receive(offset, isForged: false) }
      end.takeAnswer()
      end.answer = ([end.head], end.watch.askForHeads())
      end.takeAnswer()
      end.check(routine: false)
      end.check(routine: true)
      #expect(end.isReported == end.applied.values.contains(true), "\(actions)")
      guard actions.count < 5 else { return }
      for action in Action.allCases {
        var next = world
        switch action {
        case .append:
          guard next.head < 3 else { continue }
          next.head += 1
        case .real1, .real2, .real3:
          let offset: UInt64 = action == .real1 ? 1 : action == .real2 ? 2 : 3
          guard offset <= next.head else { continue }
          next.receive(offset, isForged: false)
        case .forged1: next.receive(1, isForged: true)
        case .forged2: next.receive(2, isForged: true)
        case .forged3: next.receive(3, isForged: true)
        case .ask:
          guard next.answer == nil else { continue }
          // The answer is as of now, and comes later.
          next.answer = ([next.head], next.watch.askForHeads())
        case .answer:
          guard next.answer != nil else { continue }
          next.takeAnswer()
        }
        run(next, actions + [action])
      }
    }
    run(World(), [])
  }

  @Test func beyondTheHeadIsAskedForAtOnce() {
    var watch = ForgeryWatch()
    watch.begin(0, at: 4, id: nil)
    _ = watch.learn([4], asked: [:])
    #expect(!watch.isBeyondHeads)
    watch.accept(0, 5, id: Self.id(5, isForged: true))
    #expect(watch.isBeyondHeads)
    let asked = watch.askForHeads()
    #expect(!watch.isBeyondHeads)
    let found = watch.learn([4], asked: asked)
    #expect(found == [ForgeryWatch.Forgery(partition: 0, position: 5)])
    let again = watch.learn([4], asked: asked)
    #expect(again.isEmpty)
  }

  /// The forged event was applied before a restart, and the store has come past it since.
  @Test func theLastEventOfALeaseIsHeldAgainstTheStore() {
    for (isForged, isErased) in [(true, false), (false, false), (false, true)] {
      var watch = ForgeryWatch()
      watch.begin(3, at: 8, id: isErased ? nil : Self.id(8, isForged: isForged))
      _ = watch.learn([0, 0, 0, 9], asked: [:])
      let place = watch.nextCheck(routine: true)
      #expect((place == nil) == isErased)
      guard let place else { continue }
      #expect(place.position == 8)
      let isReported = watch.compare(place, storeHas: Self.id(8, isForged: false))
      #expect(isReported == isForged)
    }
  }

  @Test func whatTheFeedBroughtIsNeverSuspected() {
    var watch = ForgeryWatch()
    watch.begin(0, at: nil, id: nil)
    watch.accept(0, 1, id: Self.id(1, isForged: false), isFromStore: true)
    #expect(watch.askForHeads().isEmpty)
    let found = watch.repeated(0, 1, id: { Self.id(1, isForged: true) })
    #expect(found == .other)
    #expect(watch.nextCheck(routine: true) == nil)
  }

  @Test func onlyTheNewestIDsAreKept() {
    var watch = ForgeryWatch()
    watch.begin(0, at: 1000, id: nil)
    let last = 1000 + UInt64(ForgeryWatch.capacity) * 3
    for offset in 1001...last { watch.accept(0, offset, id: Self.id(offset, isForged: false)) }
    for offset in 1001...last {
      let found = watch.repeated(0, offset, id: { Self.id(offset, isForged: true) })
      #expect((found == .other) == (offset > last - UInt64(ForgeryWatch.capacity)))
    }
  }
}
