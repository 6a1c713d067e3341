public import Eventually

/// What an aggregate does, as a test says it: given events, when commands come, then events follow.
///
/// ```swift
/// try await AggregateScenario(Account())
///   .given(.opened, .deposited(10))
///   .when(.withdraw(4))
///   .then(.withdrawn(4))
///
/// try await AggregateScenario(Account())
///   .given(.opened)
///   .when(.withdraw(4))
///   .thenRefused { $0 == .overdrawn(by: 4) }
/// ```
public struct AggregateScenario<Model: Aggregate>: Sendable {
  private let model: Model
  private let id: Model.ID
  private var events: [Model.Event] = []

  /// A scenario of one entity.
  public init(_ model: Model, id: Model.ID) {
    self.model = model
    self.id = id
  }

  /// What has happened before.
  public func given(_ events: Model.Event...) -> AggregateScenario { given(events) }

  /// What has happened before.
  public func given(_ events: [Model.Event]) -> AggregateScenario {
    var scenario = self
    scenario.events += events
    return scenario
  }

  /// What is asked, one command after the other; the last one counts.
  public func when(_ commands: Model.Command...) -> Outcome { when(commands) }

  /// What is asked, one command after the other; the last one counts.
  public func when(_ commands: [Model.Command]) -> Outcome {
    Outcome(model: model, id: id, events: events, commands: commands)
  }

  /// What the events lead to.
  /// - Throws: the aggregate's error where an event does not fit.
  public func state() throws(Model.Failure) -> Model.State { try model.fold(events) }

  /// A scenario with its commands, to be held against what should follow.
  public struct Outcome: Sendable {
    fileprivate let model: Model
    fileprivate let id: Model.ID
    fileprivate let events: [Model.Event]
    fileprivate let commands: [Model.Command]

    /// The events that follow from the last command, and the state after them.
    /// - Throws: the aggregate's refusal; ``ScenarioFailure`` where an earlier command is refused, or an event can't be
    ///   applied.
    public func run() async throws -> (events: [Model.Event], state: Model.State) {
      var state: Model.State
      do {
        state = try model.fold(events)
      } catch {
        throw ScenarioFailure("given \(events), which can't have happened: \(error)")
      }
      var new: [Model.Event] = []
      for (index, command) in commands.enumerated() {
        do {
          new = try await model.handle(command, id: id, state: state)
        } catch {
          guard index < commands.count - 1 else { throw error }
          throw ScenarioFailure("the command \(command) was refused: \(error)")
        }
        do {
          try model.fold(new, into: &state)
        } catch {
          throw ScenarioFailure(
            "the events \(new), which follow from \(command), can't be applied: \(error)")
        }
      }
      return (new, state)
    }

    /// Exactly these events follow, which may be none.
    public func then(_ expected: Model.Event...) async throws where Model.Event: Equatable {
      let found: [Model.Event]
      do {
        found = try await run().events
      } catch let error as Model.Failure where !(error is ScenarioFailure) {
        throw ScenarioFailure("expected \(expected), but the command was refused: \(error)")
      }
      try require(found == expected, "expected \(expected), found \(found)")
    }

    /// The state afterwards is as `check` says.
    public func thenState(_ check: (Model.State) throws -> Bool) async throws {
      let state = try await run().state
      try require(try check(state), "the state is not as expected: \(state)")
    }

    /// The last command is refused, for a reason that is as `check` says.
    public func thenRefused(_ check: (Model.Failure) -> Bool = { _ in true }) async throws {
      let found: [Model.Event]
      do {
        found = try await run().events
      } catch let error as Model.Failure where !(error is ScenarioFailure) {
        return try require(check(error), "refused for another reason: \(error)")
      }
      throw ScenarioFailure("expected a refusal, found \(found)")
    }
  }
}

extension AggregateScenario where Model.ID == String {
  /// A scenario of one entity, whose id does not matter.
  public init(_ model: Model) {
    self.init(model, id: "scenario")
  }
}
