/// Decides how the generation of a replay comes to where it is to be, and takes the live one's place.
///
/// It does nothing itself: each action is performed by the caller, which answers it with one input. Positions are lists of partition
/// offsets, one for each partition of the store.
struct CatchUp {
  /// Where the generation is to come.
  enum Goal: Sendable, Hashable {
    /// To given positions; it does not become live.
    case positions([UInt64])
    /// To where the live generation is, which it is compared with; where `switching`, it takes the live one's place.
    case live(switching: Bool)
    /// To where the live generation is, whose place it takes; it is built already, and not compared.
    case existing
  }

  enum Action: Hashable {
    /// Copy the live generation: answered by `copied`, or `nothingCopied` where there is none.
    case copyLive
    /// Apply events: answered by `applied`.
    case apply(through: [UInt64])
    /// Compare with the copy of the live generation, which is at the same positions: answered by `compared`.
    case compare
    /// Tell that the copy is at other positions, and can't be compared with: answered by `compared`.
    case passOverComparison
    /// Read where the live generation is now: answered by `read`.
    case readLive
    /// Keep everybody from writing to the live generation: answered by `held`, `moved`, `alreadyLive` or `nothingToHold`.
    case hold
    /// Make the generation the live one, and let go of the one that was held: answered by `linked`.
    case link
    /// Note that the generation is built: answered by `completed`.
    case complete
    /// Nothing is left to do.
    case end(Outcome)
  }

  enum Outcome: Hashable {
    /// It was live before the replay went on.
    case alreadyLive
    case live
    case built
  }

  enum Input: Hashable {
    /// The replay begins, or goes on; its generation is live where it was killed in its very last step.
    case began(isLive: Bool)
    case copied(at: [UInt64])
    case nothingCopied(heads: [UInt64])
    /// - own: where the generation is now.
    case applied(own: [UInt64])
    case compared
    /// - live: where the live generation is; `nil` where there is none.
    case read(live: [UInt64]?)
    /// - at: where the live generation stays while it is held.
    case held(at: [UInt64])
    /// Another generation became live before it was held.
    case moved
    case alreadyLive
    case nothingToHold
    case linked
    case completed
  }

  private enum State {
    case idle
    case copying
    /// - comparedAt: where the copy of the live generation is; `nil` where there is none.
    case building(comparedAt: [UInt64]?)
    case comparing
    case reading(round: Int)
    case following(round: Int)
    case holding
    case applyingLast
    case linking
    case completing(Outcome)
    case ended
  }

  /// Fewer events are applied while the live generation is held.
  static let fewEvents: UInt64 = 1000
  /// A live generation that goes on as fast as this one follows is held after so many rounds, however much is left.
  static let rounds = 10

  private let goal: Goal
  private var state = State.idle
  private var own: [UInt64] = []

  init(_ goal: Goal) {
    self.goal = goal
  }

  /// What is to be done next.
  mutating func handle(_ input: Input) -> Action {
    switch (state, input) {
    case (.idle, .began(isLive: true)): return complete(.alreadyLive)
    case (.idle, .began(isLive: false)):
      switch goal {
      case .positions(let positions): return build(through: positions)
      case .live: return enter(.copying, .copyLive)
      case .existing: return enter(.reading(round: 1), .readLive)
      }
    case (.copying, .copied(let positions)): return build(through: positions, comparedAt: positions)
    case (.copying, .nothingCopied(let heads)): return build(through: heads)
    case (.building(let comparedAt), .applied(let own)):
      self.own = own
      guard let comparedAt else { return built() }
      return enter(.comparing, own == comparedAt ? .compare : .passOverComparison)
    case (.comparing, .compared): return built()
    case (.reading(let round), .read(let live)):
      guard let live, left(to: live) >= Self.fewEvents else { return enter(.holding, .hold) }
      return enter(.following(round: round), .apply(through: live))
    case (.following(let round), .applied(let own)):
      self.own = own
      return round < Self.rounds
        ? enter(.reading(round: round + 1), .readLive) : enter(.holding, .hold)
    case (.holding, .held(let positions)):
      return enter(.applyingLast, .apply(through: positions))
    case (.holding, .moved): return .hold
    case (.holding, .alreadyLive): return complete(.live)
    case (.holding, .nothingToHold), (.applyingLast, .applied): return enter(.linking, .link)
    case (.linking, .linked): return complete(.live)
    case (.completing(let outcome), .completed): return enter(.ended, .end(outcome))
    default: preconditionFailure("\(input) does not answer what was to be done in \(state)")
    }
  }

  private mutating func enter(_ state: State, _ action: Action) -> Action {
    self.state = state
    return action
  }

  private mutating func build(through: [UInt64], comparedAt: [UInt64]? = nil) -> Action {
    enter(.building(comparedAt: comparedAt), .apply(through: through))
  }

  private mutating func built() -> Action {
    guard case .live(switching: true) = goal else { return complete(.built) }
    return enter(.reading(round: 1), .readLive)
  }

  private mutating func complete(_ outcome: Outcome) -> Action {
    enter(.completing(outcome), .complete)
  }

  private func left(to positions: [UInt64]) -> UInt64 { eventCount(from: own, through: positions) }
}
