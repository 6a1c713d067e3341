public import Eventually
import Foundation

/// An aggregate without its type.
@usableFromInline
package struct RegisteredAggregate: Sendable {
  package let name: String
  package let category: StreamCategory
  package let codec: any EventCodec
  /// What is wrong with how the aggregate is written.
  let problem: String?
  let type: ObjectIdentifier
  /// The type of its events.
  let event: ObjectIdentifier
  /// The repository of the aggregate's entities, of which only code that knows the type has a use.
  let repository:
    @Sendable (ApplicationStore, @escaping @Sendable (any Error) -> Void) -> any Sendable
  private let makeFold: @Sendable () -> any StateFold

  @usableFromInline
  init<Model: Aggregate, Codec: EventCodec>(
    _ model: Model, codec: Codec,
    repository:
      @escaping @Sendable (
        ApplicationStore, (any SnapshotStore<String>) -> Snapshots<Model.State, String>?
      ) -> any AggregateRepository<Model>
  ) where Model.ID == String, Codec.Event == Model.Event {
    name = "\(Model.self)"
    category = Model.category
    let snapshotted = Model.self as? any SnapshottedAggregate.Type
    problem =
      snapshotted?.snapshotInterval == 0
      ? "the aggregate \(Model.self) has a `snapshotInterval` of 0: it must be at least 1" : nil
    self.codec = codec
    type = ObjectIdentifier(Model.self)
    event = ObjectIdentifier(Model.Event.self)
    self.repository = { store, onSnapshotFailure in
      repository(store) { Self.snapshots(of: Model.self, in: $0, onSnapshotFailure) }
    }
    makeFold = { TypedFold(model: model, codec: codec) }
  }

  private static func snapshots<Model: Aggregate>(
    of model: Model.Type, in store: any SnapshotStore<String>,
    _ onFailure: @escaping @Sendable (any Error) -> Void
  ) -> Snapshots<Model.State, String>? where Model.ID == String {
    guard let snapshotted = model as? any SnapshottedAggregate.Type else { return nil }
    func make<Snapshotted: SnapshottedAggregate>(
      _ type: Snapshotted.Type
    ) -> Snapshots<Model.State, String>? {
      guard let codec = Snapshotted.stateCodec as? any SnapshotCodec<Model.State> else {
        return nil
      }
      return Snapshots(
        in: store, codec: codec, every: Snapshotted.snapshotInterval, onFailure: onFailure)
    }
    return make(snapshotted)
  }

  /// What a command line calls it.
  package var label: String { category == .unnamed ? name.lowercased() : category.name }

  /// A state without events yet, to which events are applied one by one.
  package func fold() -> any StateFold { makeFold() }
}

/// An entity's state as its events make it.
package protocol StateFold: Sendable {
  /// Applies the entity's next event; a state that an event does not fit stays as it was.
  mutating func apply(_ record: EventRecord) throws
  /// The state as JSON.
  func json() throws -> [UInt8]
}

private struct TypedFold<Model: Aggregate, Codec: EventCodec>: StateFold
where Model.ID == String, Codec.Event == Model.Event {
  let model: Model
  let codec: Codec
  private var state: Model.State

  init(model: Model, codec: Codec) {
    self.model = model
    self.codec = codec
    state = model.initialState
  }

  mutating func apply(_ record: EventRecord) throws {
    switch try record.entry(decodedBy: codec) {
    case .event(let persisted): try model.apply(persisted.event, to: &state)
    case .unreadable(let event): throw UnreadableEventError(event)
    case .removed, .erased, .other: break
    }
  }

  func json() throws -> [UInt8] { try StateJSON.bytes(of: state, Model.self) }
}

/// What a state looks like as JSON.
enum StateJSON {
  static func bytes<Model: Aggregate>(of state: Model.State, _ model: Model.Type) throws -> [UInt8]
  {
    if let type = model as? any JSONState.Type, let bytes = try written(state, type) {
      return bytes
    }
    if let state = state as? any Encodable {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      encoder.dateEncodingStrategy = .iso8601
      return [UInt8](try encoder.encode(state))
    }
    // What is not Encodable is shown by its stored properties.
    var json = JSONWriter()
    json.beginObject()
    for child in Mirror(reflecting: state).children {
      guard let label = child.label else { continue }
      json.key(named: label)
      json.string("\(child.value)")
    }
    json.endObject()
    return json.bytes
  }

  private static func written<Model: JSONState>(
    _ state: any Sendable, _ model: Model.Type
  ) throws -> [UInt8]? {
    guard let state = state as? Model.State else { return nil }
    var json = JSONWriter()
    json.beginObject()
    try Model.write(state, &json)
    json.endObject()
    return json.bytes
  }
}
