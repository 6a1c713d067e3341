/// An append-only, ordered log of the events of many streams.
///
/// After the Rust crate's `EventStore`, with the whole store's order a part of the contract: sequence numbers
/// are 1, 2, 3 … without a gap, in the order in which appends became durable.
public protocol EventStore<StreamID, Event>: Sendable {
  /// What names a stream.
  associatedtype StreamID: Hashable & Sendable
  /// What the store holds.
  associatedtype Event: Sendable
  /// A stream's events, read in batches while they are consumed.
  associatedtype EventStream: AsyncSequence<Persisted<StreamID, Event>, any Error> & Sendable
  /// The whole store's entries, read in batches while they are consumed.
  associatedtype Log: AsyncSequence<LogEntry<StreamID, Event>, any Error> & Sendable

  /// Appends `events`, all or none, to the end of a stream.
  ///
  /// When it returns, the events are as durable as the store makes them.
  /// - Parameters:
  ///   - events: what has happened, at least one.
  ///   - streamID: the stream; it begins where it has no events yet.
  ///   - expecting: the version that the stream must have.
  /// - Returns: where the last event is.
  /// - Throws: ``EventStoreError/conflict(_:)`` where the stream has another version,
  ///   ``EventStoreError/invalid(_:)`` where there are no events, and ``EventStoreError/unreadable(_:)`` where the store
  ///   encodes events and one of them does not decode to an equal event.
  func append(
    _ events: [Event], to streamID: StreamID, expecting: ExpectedVersion
  ) async throws(EventStoreError) -> AppendResult

  /// Appends `events`, all or none, unless an earlier request to the stream had the same key: then it appends nothing and
  /// returns what came of that.
  ///
  /// The key is kept together with the events, and lives as long as the stream: a stream that is removed takes its keys with
  /// it. It is looked up before the expected version, in the order in which appends are carried out: of two that come at the same
  /// time, one is carried out. Where the append is refused, nothing is kept.
  /// - Parameters:
  ///   - events: what has happened. With none, only the key is kept, with where the stream is.
  ///   - streamID: the stream.
  ///   - expecting: the version that the stream must have.
  ///   - idempotencyKey: names the request.
  /// - Throws: what an append without a key throws, and ``EventStoreError/keyReused(_:)`` where the key came with another request
  ///   before.
  func append(
    _ events: [Event], to streamID: StreamID, expecting: ExpectedVersion,
    idempotencyKey: IdempotencyKey
  ) async throws(EventStoreError) -> IdempotentResult

  /// What came of the request to a stream that had a key; `nil` where none had.
  /// - Throws: ``EventStoreError/keyReused(_:)`` where it was another request.
  func result(
    of idempotencyKey: IdempotencyKey, on streamID: StreamID
  ) async throws(EventStoreError) -> IdempotentResult?

  /// A stream's events in order of version, as far as they exist when the end is reached.
  func stream(_ streamID: StreamID, _ select: ReadRange) -> EventStream

  /// All entries in order of sequence number, as far as they exist when the end is reached.
  func streamAll(_ select: ReadRange) -> Log

  /// Erases a stream's events for good.
  ///
  /// Their places in the store stay taken, so that sequences remain gapless; an entry
  /// ``LogEntry/removed(_:id:at:)`` is added to the log; and the stream begins again at version 1. A
  /// stream without events is left as it is, but for its idempotency keys, which are erased with any stream. Events that can't
  /// be decoded are erased like all others.
  /// - Parameters:
  ///   - streamID: the stream.
  ///   - expecting: the version that the stream must be at, 0 where it must have no events.
  /// - Returns: where the removal is; `nil` where the stream had no events.
  /// - Throws: ``EventStoreError/conflict(_:)`` where the stream is at another version; then nothing is erased.
  @discardableResult
  func remove(
    _ streamID: StreamID, expecting: ExpectedVersion
  ) async throws(EventStoreError) -> EventPosition?
}

extension EventStore {
  /// Erases a stream whatever its version is: see ``remove(_:expecting:)``.
  @discardableResult
  public func remove(_ streamID: StreamID) async throws(EventStoreError) -> EventPosition? {
    try await remove(streamID, expecting: .any)
  }
}

/// Tells of entries that come into a store from now on.
///
/// After the Rust crate's `EventSubscriber`. Nothing is dropped for a reader that falls behind: it holds a
/// position, and reads on from there.
public protocol EventSubscriber<StreamID, Event>: Sendable {
  /// What names a stream.
  associatedtype StreamID: Hashable & Sendable
  /// What the store holds.
  associatedtype Event: Sendable
  /// Entries without an end.
  associatedtype Live: AsyncSequence<LogEntry<StreamID, Event>, any Error> & Sendable

  /// All entries after `sequenceNumber`: first those that are there, then new ones as they come.
  /// `nil` begins with what is appended after the call.
  func subscribeAll(after sequenceNumber: UInt64?) -> Live
}
