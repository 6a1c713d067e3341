public import Eventually

/// An aggregate in an application, and how its events are encoded.
public struct AggregateComponent<Model: Aggregate>: Component where Model.ID == String {
  @usableFromInline let registered: RegisteredAggregate

  /// An aggregate whose events `codec` encodes.
  @inlinable
  public init<Codec: EventCodec>(_ model: Model, codec: Codec) where Codec.Event == Model.Event {
    // Made here, where both types are known, so that appends are compiled for them.
    registered = RegisteredAggregate(model, codec: codec) {
      (store: ApplicationStore, snapshots) in
      let view = RecordEventStore(store, category: Model.category, codec: codec)
      return Repository(model, store: view, snapshots: snapshots(view))
    }
  }

  /// Adds the aggregate.
  public func register(in registry: inout Registry) {
    registry.aggregates.append(registered)
  }
}

/// An aggregate of which snapshots are taken, so that long streams need not be read whole.
public protocol SnapshottedAggregate: Aggregate {
  /// Encodes states.
  associatedtype StateCodec: SnapshotCodec<State>
  /// Encodes states.
  static var stateCodec: StateCodec { get }
  /// How many events there are between two snapshots of a stream: at least 1, and 100 by default.
  static var snapshotInterval: UInt64 { get }
}

extension SnapshottedAggregate {
  /// 100.
  public static var snapshotInterval: UInt64 { 100 }
}

/// An aggregate that says itself what its state looks like as JSON. Without this, a state that is `Encodable` is shown as it
/// encodes itself.
public protocol JSONState: Aggregate {
  /// Writes the members of a state, within an object.
  static func write(_ state: State, _ json: inout JSONWriter) throws
}

/// A store of all aggregates of an application.
public typealias ApplicationStore = RecordEventStore<CategoriesCodec>
