/// An aggregate whose entities have no state before their first event.
///
/// After the Rust crate's `optional::Aggregate`: what an entity begins with, and what happens to it later, are told apart by the types,
/// instead of by a state that stands for nothing. ``AsAggregate`` makes an ``Aggregate`` of it.
///
/// ```swift
/// struct Account: OptionalAggregate {
///   enum Event { case opened(owner: String), deposited(Int) }
///   enum Command { case open(owner: String), deposit(Int) }
///   enum Failure: Error { case noSuchAccount, alreadyOpen }
///   struct State { var owner: String; var balance = 0 }
///
///   func begin(with event: Event) throws(Failure) -> State {
///     guard case .opened(let owner) = event else { throw .noSuchAccount }
///     return State(owner: owner)
///   }
///   …
/// ```
public protocol OptionalAggregate<ID, Event>: Sendable {
  /// What tells one entity from another; also the name of its stream.
  associatedtype ID: Hashable & Sendable = String
  /// What the entity is after its first event.
  associatedtype State: Sendable
  /// What can happen to the entity.
  associatedtype Event: Sendable
  /// What the entity can be asked to do.
  associatedtype Command: Sendable
  /// Why a command is refused, or why an event can't be applied.
  associatedtype Failure: Error

  /// See ``Aggregate/category``.
  static var category: StreamCategory { get }

  /// The state after the first event. The Rust crate's `apply_first`.
  /// - Throws: where nothing can begin with the event.
  func begin(with event: Event) throws(Failure) -> State

  /// Changes the state by a later event; where it throws, it must leave it as it was. The Rust crate's `apply_next`.
  func apply(_ event: Event, to state: inout State) throws(Failure)

  /// Decides on a command for an entity that does not exist yet. The Rust crate's `handle_first`.
  func handle(_ command: Command, id: ID) async throws(Failure) -> [Event]

  /// Decides on a command for an entity that exists. The Rust crate's `handle_next`.
  func handle(_ command: Command, id: ID, state: State) async throws(Failure) -> [Event]
}

extension OptionalAggregate {
  /// The unnamed category.
  public static var category: StreamCategory { .unnamed }

  /// The same as an ``Aggregate``, whose state is absent before the first event.
  public var aggregate: AsAggregate<Self> { AsAggregate(self) }
}

/// An ``OptionalAggregate`` as an ``Aggregate``. After the Rust crate's `optional::AsAggregate`.
public struct AsAggregate<Model: OptionalAggregate>: Aggregate {
  /// What tells one entity from another.
  public typealias ID = Model.ID
  /// `nil` before the first event.
  public typealias State = Model.State?
  /// What can happen to the entity.
  public typealias Event = Model.Event
  /// What the entity can be asked to do.
  public typealias Command = Model.Command
  /// Why a command is refused, or why an event can't be applied.
  public typealias Failure = Model.Failure

  /// The model's category.
  public static var category: StreamCategory { Model.category }

  private let model: Model

  /// An aggregate of a model's entities.
  public init(_ model: Model) {
    self.model = model
  }

  /// Nothing.
  public var initialState: Model.State? { nil }

  /// Begins with the first event, and changes the state by later ones.
  public func apply(_ event: Model.Event, to state: inout Model.State?) throws(Model.Failure) {
    guard var existing = state else {
      state = try model.begin(with: event)
      return
    }
    // The only copy: what the state owns is changed in place.
    state = nil
    do throws(Model.Failure) {
      try model.apply(event, to: &existing)
    } catch {
      state = existing
      throw error
    }
    state = existing
  }

  /// Asks the model for a decision, with a state or without.
  public func handle(
    _ command: Model.Command, id: Model.ID, state: Model.State?
  ) async throws(Model.Failure) -> [Model.Event] {
    guard let state else { return try await model.handle(command, id: id) }
    return try await model.handle(command, id: id, state: state)
  }
}
