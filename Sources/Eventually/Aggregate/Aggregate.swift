/// A domain entity type that changes only by events: the transaction boundary of a domain.
///
/// A conforming type is a stateless description of how commands become events and how events change
/// state; the state itself lives in an ``AggregateRoot``. After `eventually::Aggregate` of the Rust
/// crate, with `inout` state in place of moving it through every call.
///
/// ```swift
/// struct Counter: Aggregate {
///   enum Event { case incremented(Int) }
///   enum Command { case increment(Int) }
///   struct Negative: Error {}
///   typealias Failure = Negative
///
///   var initialState: Int { 0 }
///
///   func apply(_ event: Event, to state: inout Int) {
///     switch event { case .incremented(let n): state += n }
///   }
///
///   func handle(_ command: Command, id: String, state: Int) throws(Negative) -> [Event] {
///     switch command {
///     case .increment(let n) where n < 0: throw Negative()
///     case .increment(let n): [.incremented(n)]
///     }
///   }
/// }
/// ```
public protocol Aggregate<ID, Event>: Sendable {
  /// What tells one entity from another; also the name of its stream.
  associatedtype ID: Hashable & Sendable = String
  /// What the entity is after its events.
  associatedtype State: Sendable
  /// What can happen to the entity.
  associatedtype Event: Sendable
  /// What the entity can be asked to do.
  associatedtype Command: Sendable
  /// Why a command is refused, or why an event can't be applied.
  associatedtype Failure: Error

  /// What tells this aggregate's streams from those of others in the same store; ``StreamCategory/unnamed`` by default,
  /// which serves one aggregate of a store. It is part of the streams' names and stays the same for ever.
  static var category: StreamCategory { get }

  /// The state of an entity that has no events yet.
  var initialState: State { get }

  /// Changes `state` by one event.
  ///
  /// This must be a pure function of its arguments: the same events always give the same state. Where it
  /// throws, it must leave `state` as it was.
  /// - Throws: when the event can't follow the state, which means that the stream is damaged or that
  ///   the code is older than the events.
  func apply(_ event: Event, to state: inout State) throws(Failure)

  /// Decides which events follow from `command`, none where there is nothing to do.
  /// - Throws: when the command is not allowed in this state. Nothing has happened then.
  func handle(_ command: Command, id: ID, state: State) async throws(Failure) -> [Event]
}

extension Aggregate {
  /// The unnamed category.
  public static var category: StreamCategory { .unnamed }

  /// Applies `events` to `state`, in order. The Rust crate's `AggregateExt::fold`.
  public func fold(
    _ events: some Sequence<Event>, into state: inout State
  ) throws(Failure) {
    for event in events { try apply(event, to: &state) }
  }

  /// The state that `events` lead to from the beginning.
  public func fold(_ events: some Sequence<Event>) throws(Failure) -> State {
    var state = initialState
    try fold(events, into: &state)
    return state
  }
}

/// An aggregate with a codec of its own: the fast path, and the place for upcasters. The events of any other one are
/// `Codable`, and encoded by ``JSONEventCodec``.
public protocol CodedAggregate: Aggregate where ID == String {
  /// What encodes the events.
  associatedtype Codec: EventCodec<Event>
  /// Encodes the events, and decodes all forms of them that were ever stored.
  static var codec: Codec { get }
}
