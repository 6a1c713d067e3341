/// A read model that is built by taking in events one after the other.
///
/// After the Rust crate's `Projection`. For a read model in a database, with its checkpoint in the same
/// transaction, see ``ReadModel``.
public protocol Projection<StreamID, Event>: Sendable {
  /// What names a stream.
  associatedtype StreamID: Hashable & Sendable
  /// The events that are applied.
  associatedtype Event: Sendable

  /// Applies one event.
  func project(_ event: Persisted<StreamID, Event>) async throws

  /// Takes back everything that came from a stream, which has been removed for good.
  func forget(_ streamID: StreamID) async throws
}
