/// One entity in memory: its state, its version, and the events that are not saved yet.
///
/// Commands are handled here; ``Repository`` loads and saves roots. A root is a value: a copy that is
/// thrown away takes its unsaved events with it.
public struct AggregateRoot<Model: Aggregate>: Versioned, Sendable {
  /// The id of the entity.
  public let id: Model.ID
  /// The state after all events, the unsaved ones included.
  public private(set) var state: Model.State
  /// The version in the store, which an append must meet. Unsaved events do not count.
  public private(set) var version: Version
  /// Where the last event in the store is that the state is after; `nil` where there is none. Whoever has sent a command that
  /// led to no event waits for this in a read model.
  public private(set) var position: EventPosition?
  /// Events that commands led to and that are not saved yet, oldest first.
  public private(set) var uncommitted: [Model.Event] = []

  /// The version that a snapshot is kept of; 0 for none.
  var snapshotVersion: Version = 0

  private let model: Model

  /// A root at a known state, as ``AggregateRootBuilder`` and ``Repository`` make it.
  init(model: Model, id: Model.ID, state: Model.State, version: Version) {
    self.model = model
    self.id = id
    self.state = state
    self.version = version
  }

  /// Lets the aggregate decide on `command` and applies the events that follow.
  ///
  /// - Returns: the events that the command led to; they are also in ``uncommitted``.
  /// - Throws: the aggregate's refusal. The root is unchanged then.
  @discardableResult
  public mutating func handle(
    _ command: Model.Command
  ) async throws(Model.Failure) -> [Model.Event] {
    let events = try await model.handle(command, id: id, state: state)
    if events.count == 1 {
      // In place: what the state owns is not copied for each command.
      try model.apply(events[0], to: &state)
    } else {
      var next = state
      try model.fold(events, into: &next)
      state = next
    }
    uncommitted.append(contentsOf: events)
    return events
  }

  /// Handles commands in order, all or none.
  ///
  /// - Returns: the events that they led to; they are also in ``uncommitted``.
  /// - Throws: the refusal of the first command that is refused. The root is unchanged then.
  @discardableResult
  public mutating func handle(
    _ commands: [Model.Command]
  ) async throws(Model.Failure) -> [Model.Event] {
    // One copy for all of them: until the last has passed nothing is known.
    var next = self
    for command in commands { try await next.handle(command) }
    let events = Array(next.uncommitted.dropFirst(uncommitted.count))
    self = next
    return events
  }

  /// Applies an event that the store already holds.
  mutating func replay(_ event: Model.Event, at position: EventPosition) throws(Model.Failure) {
    try model.apply(event, to: &state)
    found(at: position)
  }

  /// The event that the state is after is at `position`.
  mutating func found(at position: EventPosition) {
    version = position.version
    self.position = position
  }

  /// Marks all events as saved, the last of them at `position`.
  mutating func committed(at position: EventPosition) {
    found(at: position)
    uncommitted.removeAll(keepingCapacity: true)
  }
}

/// Makes ``AggregateRoot`` values for one aggregate type.
public struct AggregateRootBuilder<Model: Aggregate>: Sendable {
  private let model: Model

  /// A builder whose roots are handled by `model`.
  public init(_ model: Model) {
    self.model = model
  }

  /// A root for an entity that has no events yet.
  public func build(id: Model.ID) -> AggregateRoot<Model> {
    AggregateRoot(model: model, id: id, state: model.initialState, version: 0)
  }

  /// A root for an entity whose state at `version` is known, from a snapshot say.
  public func build(
    id: Model.ID, state: Model.State, version: Version
  ) -> AggregateRoot<Model> {
    AggregateRoot(model: model, id: id, state: state, version: version)
  }
}
