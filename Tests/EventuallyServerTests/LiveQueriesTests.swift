import Testing

@testable import EventuallyServer

/// Which live queries are run when, and who gets which answer.
@Suite struct LiveQueriesTests {
  private typealias Queries = LiveQueries<String, Int, Int>

  /// Two versions in a row have the same answer.
  private static func answer(_ version: Int) -> Int { version / 2 }

  private static let interval = Duration.milliseconds(10)

  /// What a process does with the queries, and what each viewer may expect.
  private struct World {
    struct Viewer {
      var query: String
      /// The version at which it came.
      var since: Int
      var received: [Int] = []
      var isEnded = false
    }

    var queries = Queries(interval: LiveQueriesTests.interval, limit: 2, parallel: 1)
    var now = ContinuousClock.now
    var version = 0
    var seen = 0
    /// With the version before each.
    var running: [String: Int] = [:]
    var lastRun: [String: ContinuousClock.Instant] = [:]
    var viewers: [Int: Viewer] = [:]
    var problems: [String] = []

    mutating func perform(_ actions: [Queries.Action]) {
      for action in actions {
        switch action {
        case .run(let query):
          if running[query] != nil { problems.append("\(query) is run twice at a time") }
          if let last = lastRun[query], now < last + LiveQueriesTests.interval {
            problems.append("\(query) is run again after \(now - last)")
          }
          if !viewers.values.contains(where: { $0.query == query && !$0.isEnded }) {
            problems.append("\(query) is run for nobody")
          }
          running[query] = version
          lastRun[query] = now
          if running.count > 1 { problems.append("\(running.count) are run at a time") }
        case .answer(let answer, let receivers):
          for viewer in receivers { deliver(answer, to: viewer) }
        case .end(let ended):
          for viewer in ended {
            if viewers[viewer]?.isEnded != false { problems.append("\(viewer) is ended twice") }
            viewers[viewer]?.isEnded = true
          }
        }
      }
    }

    private mutating func deliver(_ answer: Int, to viewer: Int) {
      guard let found = viewers[viewer], !found.isEnded else {
        return problems.append("\(viewer) gets an answer, and is gone")
      }
      if found.received.last == answer { problems.append("\(viewer) gets \(answer) twice") }
      if answer < LiveQueriesTests.answer(found.since) {
        problems.append("\(viewer) gets \(answer), and came at \(found.since)")
      }
      viewers[viewer]?.received.append(answer)
    }

    /// - Parameter version: what is seen of the read model by whoever comes: it may be late.
    mutating func join(_ query: String, at version: Int) {
      do {
        // Whoever is new is known before it gets something.
        let (viewer, actions) = try queries.join(query, at: version, now: now)
        viewers[viewer] = Viewer(query: query, since: version)
        perform(actions)
      } catch {
        let open = Set(viewers.values.filter { !$0.isEnded }.map(\.query)).union(running.keys)
        if open.count < 2 { problems.append("\(query) is refused beside \(open)") }
      }
    }

    mutating func finish(_ query: String, fails: Bool) {
      guard let began = running.removeValue(forKey: query) else { return }
      perform(
        fails
          ? queries.failed(query, now: now)
          : queries.ran(query, LiveQueriesTests.answer(began), now: now))
    }

    mutating func step(_ event: Int) {
      switch event {
      case 0, 1: join(event == 0 ? "a" : "b", at: version)
      case 2: join("a", at: seen)
      case 3: version += 1
      case 4:
        seen = version
        perform(queries.saw(version, now: now))
      case 5: now += .milliseconds(4)
      case 6: now += .milliseconds(10)
      case 7, 8: finish(event == 7 ? "a" : "b", fails: false)
      case 9: finish("a", fails: true)
      case 10:
        guard let first = viewers.filter({ !$0.value.isEnded }).keys.min() else { return }
        queries.leave(first)
        viewers[first]?.isEnded = true
      default:
        perform(queries.lost())
        for index in viewers.keys { viewers[index]?.isEnded = true }
      }
      forgetUnwatched()
    }

    /// A query that nobody watches and that is not being run begins anew, whoever comes.
    private mutating func forgetUnwatched() {
      for query in lastRun.keys where running[query] == nil {
        if !viewers.values.contains(where: { $0.query == query && !$0.isEnded }) {
          lastRun[query] = nil
        }
      }
    }

    /// Time goes on, and everything that is run succeeds.
    mutating func settle() {
      for _ in 0..<8 {
        now += .milliseconds(40)
        seen = version
        perform(queries.saw(version, now: now))
        for query in running.keys.sorted() { finish(query, fails: false) }
      }
      for (id, viewer) in viewers where !viewer.isEnded {
        if viewer.received.last != LiveQueriesTests.answer(version) {
          problems.append("\(id) has \(viewer.received), and the read model is at \(version)")
        }
      }
      let open = viewers.values.filter { !$0.isEnded }
      if queries.isEmpty != open.isEmpty { problems.append("empty: \(queries.isEmpty)") }
    }
  }

  private static let events = 12

  /// Every order in which four things can happen, out of twelve.
  @Test func everyViewerGetsTheNewestAnswerInTheEnd() {
    var count = 0
    func explore(_ world: World, _ path: [Int]) {
      guard count >= 0 else { return }
      var end = world
      end.settle()
      if !world.problems.isEmpty || !end.problems.isEmpty {
        count = -1
        Issue.record("\(path): \(world.problems) \(end.problems)")
        return
      }
      count += 1
      guard path.count < 4 else { return }
      for event in 0..<Self.events {
        var next = world
        next.step(event)
        explore(next, path + [event])
      }
    }
    explore(World(), [])
    #expect(count > 20_000)
  }

  /// Longer ones, by chance.
  @Test func longOrders() {
    var generator = SplitMix(seed: 7)
    for _ in 0..<2000 {
      var world = World()
      var path: [Int] = []
      for _ in 0..<60 {
        path.append(Int(generator.next() % UInt64(Self.events)))
        world.step(path[path.count - 1])
      }
      world.settle()
      guard world.problems.isEmpty else {
        Issue.record("\(path): \(world.problems)")
        return
      }
    }
  }

  @Test func aHundredViewersShareARun() throws {
    var world = World()
    for _ in 0..<100 { world.join("a", at: 0) }
    #expect(world.running == ["a": 0])
    world.finish("a", fails: false)
    #expect(world.running.isEmpty && world.viewers.values.allSatisfy { $0.received == [0] })
    // Whoever comes while nothing has changed gets the same answer at once.
    world.join("a", at: 0)
    #expect(world.running.isEmpty && world.viewers[100]?.received == [0])
    #expect(world.problems == [])
  }

  @Test func aQueryThatTakesLongIsRunHalfOfTheTime() throws {
    var queries = Queries(interval: .milliseconds(10), limit: 1, parallel: 1)
    let begun = ContinuousClock.now
    _ = try queries.join("a", at: 1, now: begun)
    _ = queries.ran("a", 1, now: begun + .milliseconds(100))
    #expect(queries.nextDue == begun + .milliseconds(200))
    #expect(queries.saw(2, now: begun + .milliseconds(199)).isEmpty)
    #expect(queries.saw(2, now: begun + .milliseconds(200)).count == 1)
    #expect(queries.nextDue == nil)
    #expect(throws: Queries.Full.self) { try queries.join("b", at: 2, now: begun) }
  }
}

/// Numbers by a seed.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
