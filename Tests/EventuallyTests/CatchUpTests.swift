import Testing

@testable import Eventually

/// All ways in which the live generation and the replay's may go on beside each other, played to the end.
@Suite struct CatchUpTests {
  /// What becomes of the live generation before an action is performed.
  private enum Change: CaseIterable {
    case nothing
    /// A few events are applied to it.
    case few
    /// More are applied to it than may be left when it is held.
    case many
    /// Its file is gone, as one that was moved away is.
    case gone
    /// Another generation becomes live, which is further.
    case replaced
  }

  /// The generations of one partition, as the actions find and leave them.
  private struct World: Hashable {
    var live: UInt64? = 10
    var own: UInt64
    var head: UInt64 = 10
    var copy: UInt64?
    /// Where the live generation was when it was held.
    var held: UInt64?
    var isReplacedBeforeHold = false
    var isLinked = false
    var isComplete = false
    var compared = 0
    var applied = 0

    mutating func change(_ change: Change) {
      // Nobody writes to what is held, and nobody switches either: the directory's lock is only asked for the link.
      guard held == nil, !isLinked else { return }
      switch change {
      case .nothing: break
      case .few: live? += 1
      case .many: live? += CatchUp.fewEvents
      case .gone: live = nil
      case .replaced:
        isReplacedBeforeHold = live != nil
        live? += 2
      }
      head = max(head, live ?? 0)
    }

    /// Performs an action; `nil` at the end.
    mutating func perform(_ action: CatchUp.Action) -> CatchUp.Input? {
      #expect(!isComplete || action.isEnd, "\(action) after it was complete")
      switch action {
      case .copyLive:
        copy = live
        return live.map { .copied(at: [$0]) } ?? .nothingCopied(heads: [head])
      case .apply(let through):
        #expect(!isLinked)
        own = max(own, through[0])
        applied += 1
        return .applied(own: [own])
      case .compare:
        #expect(own == copy, "compared at \(own), the copy is at \(String(describing: copy))")
        compared += 1
        return .compared
      case .passOverComparison:
        #expect(copy != nil && own != copy)
        return .compared
      case .readLive: return .read(live: live.map { [$0] })
      case .hold:
        guard let live else { return .nothingToHold }
        if isReplacedBeforeHold {
          isReplacedBeforeHold = false
          return .moved
        }
        held = live
        return .held(at: [live])
      case .link:
        // Queries never see the read model step back.
        if let held { #expect(own >= held && live == held) } else { #expect(live == nil) }
        isLinked = true
        held = nil
        return .linked
      case .complete:
        #expect(held == nil)
        isComplete = true
        return .completed
      case .end: return nil
      }
    }
  }

  /// Plays all changes up to a depth, none from there on.
  private func play(
    _ machine: CatchUp, _ action: CatchUp.Action, _ world: World, depth: Int,
    _ end: (World, CatchUp.Outcome) -> Void
  ) {
    for change in depth == 0 ? [.nothing] : Change.allCases {
      var (machine, world) = (machine, world)
      // Once the live one has been copied, and where it was not there, it does not come back by itself.
      world.change(change)
      if case .end(let outcome) = action {
        end(world, outcome)
        return
      }
      guard let input = world.perform(action) else { return }
      let next = machine.handle(input)
      play(machine, next, world, depth: max(depth - 1, 0), end)
    }
  }

  @Test(arguments: [0, 10, 5000] as [UInt64]) func aReplayTakesThePlaceOfTheLiveOne(own: UInt64) {
    var machine = CatchUp(.live(switching: true))
    let first = machine.handle(.began(isLive: false))
    #expect(first == .copyLive)
    var count = 0
    play(machine, first, World(own: own), depth: 6) { world, outcome in
      count += 1
      #expect(outcome == .live && world.isLinked && world.isComplete)
      #expect(world.compared == (own > (world.copy ?? .max) ? 0 : world.copy == nil ? 0 : 1))
    }
    #expect(count > 500)
  }

  /// One that was built before is brought to where the live one is, wherever either was.
  @Test(arguments: [0, 10, 5000] as [UInt64]) func oneThatIsBuiltTakesThePlaceOfTheLiveOne(
    own: UInt64
  ) {
    var machine = CatchUp(.existing)
    let first = machine.handle(.began(isLive: false))
    #expect(first == .readLive)
    var count = 0
    play(machine, first, World(own: own), depth: 6) { world, outcome in
      count += 1
      #expect(outcome == .live && world.isLinked && world.isComplete && world.compared == 0)
    }
    #expect(count > 500)
  }

  @Test func aReplayThatDoesNotSwitchEndsWithTheComparison() {
    for own in [0, 50] as [UInt64] {
      var machine = CatchUp(.live(switching: false))
      let first = machine.handle(.began(isLive: false))
      play(machine, first, World(own: own), depth: 6) {
        world, outcome in
        #expect(outcome == .built && !world.isLinked && world.isComplete)
        #expect(world.own == max(own, world.copy ?? world.head) || world.copy == nil)
      }
    }
  }

  @Test func aReplayToPositionsEndsThere() {
    var machine = CatchUp(.positions([7]))
    let first = machine.handle(.began(isLive: false))
    play(machine, first, World(own: 0), depth: 4) {
      world, outcome in
      #expect(outcome == .built && world.own == 7 && !world.isLinked && world.compared == 0)
    }
  }

  @Test func oneThatIsLiveAlreadyIsOnlyCompleted() {
    for goal in [.live(switching: true), .live(switching: false), .positions([7]), .existing]
      as [CatchUp.Goal]
    {
      var machine = CatchUp(goal)
      #expect(machine.handle(.began(isLive: true)) == .complete)
      #expect(machine.handle(.completed) == .end(.alreadyLive))
    }
  }

  /// It was made live by somebody else in the end.
  @Test func oneThatBecomesLiveBeforeItsHoldIsOnlyCompleted() {
    var machine = CatchUp(.live(switching: true))
    _ = machine.handle(.began(isLive: false))
    _ = machine.handle(.copied(at: [3]))
    #expect(machine.handle(.applied(own: [3])) == .compare)
    #expect(machine.handle(.compared) == .readLive)
    #expect(machine.handle(.read(live: [3])) == .hold)
    #expect(machine.handle(.alreadyLive) == .complete)
    #expect(machine.handle(.completed) == .end(.live))
  }

  /// A live generation that goes on as fast as the replay follows is held in the end.
  @Test func aLiveOneThatIsNeverReachedIsHeldAfterSomeRounds() {
    var machine = CatchUp(.live(switching: true))
    var action = machine.handle(.began(isLive: false))
    var world = World(own: 0)
    var rounds = 0
    while action != .hold {
      world.change(.many)
      if action == .readLive { rounds += 1 }
      guard let input = world.perform(action) else { break }
      action = machine.handle(input)
    }
    #expect(rounds == CatchUp.rounds)
  }

  @Test func eventsAreCountedByPartition() {
    #expect(eventCount(from: [1, 9, 3], through: [4, 2, 3]) == 3)
    #expect(eventCount(from: [], through: []) == 0)
    #expect(eventCount([.max, 1]) == .max)
  }
}

extension CatchUp.Action {
  fileprivate var isEnd: Bool {
    if case .end = self { return true }
    return false
  }
}
