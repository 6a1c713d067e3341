/// An event store in memory: for tests, prototypes and read models of one process.
///
/// Check and write happen under one lock, and readers hold positions instead of buffers: neither of two
/// appends that expect the same version can slip past the other, and no reader loses an event. It has one
/// partition. Streams that are named by strings are told apart by the bytes of their names, as in a database.
public final class InMemoryEventStore<StreamID: Hashable & Sendable, Event: Sendable>: EventStore {
  private struct State {
    var log: [LogEntry<StreamID, Event>] = []
    /// The sequence numbers of each stream's events.
    var streams: [StreamKey<StreamID>: [UInt64]] = [:]
    var snapshots: [StreamKey<StreamID>: Snapshot] = [:]
    var keys: [StreamKey<StreamID>: [KeyName: RecordedKey<RequestFingerprint>]] = [:]
    var ids = EventIDGenerator()
  }

  /// What an idempotency key is found by.
  private struct KeyName: Hashable {
    let name: ByteKey
    let isNumbered: Bool

    init(_ key: IdempotencyKey) {
      name = key.name
      isNumbered = key.number != nil
    }
  }

  private let state = Locked(State())
  fileprivate let head = PositionSignal(at: 0)
  private let clock: @Sendable () -> Timestamp
  private let keyLifetime: Duration?
  private let check: (@Sendable ([Event], StreamID) throws(EventStoreError) -> Void)?

  /// An empty store that takes the time from `clock`. It keeps events as they are, without a codec.
  /// - Parameters:
  ///   - clock: tells the time.
  ///   - keyLifetime: how long an idempotency key lives; `nil` for as long as its stream. A key that is older is as good as none,
  ///     and takes room still.
  public init(
    clock: @escaping @Sendable () -> Timestamp = Timestamp.now, keyLifetime: Duration? = nil
  ) {
    self.clock = clock
    self.keyLifetime = keyLifetime
    check = nil
  }

  /// An empty store that refuses events which `codec` does not read back, as a store that encodes them does.
  public init(
    checking codec: some EventCodec<Event>,
    clock: @escaping @Sendable () -> Timestamp = Timestamp.now
  ) {
    self.clock = clock
    keyLifetime = nil
    let readBack = ReadBack(codec)
    check = { (events, streamID) throws(EventStoreError) in
      for (index, event) in events.enumerated() {
        let type = codec.type(of: event)
        try type.checkNoZero("an event type")
        var payload: [UInt8] = []
        do {
          try codec.encode(event, into: &payload)
        } catch {
          throw .invalid("an event of type '\(type)' can't be encoded: \(error)")
        }
        do throws(ReadBackFailure) {
          try readBack.check(
            event, at: index, type: type, payload: payload.span, stream: streamID as? String)
        } catch {
          throw .unreadable(error)
        }
      }
    }
  }

  /// Appends events, all or none.
  public func append(
    _ events: [Event], to streamID: StreamID, expecting: ExpectedVersion
  ) throws(EventStoreError) -> AppendResult {
    guard !events.isEmpty else { throw .invalid("an append needs at least one event") }
    let result = try append(events, to: streamID, expecting: expecting, key: nil)
    guard let last = result.last else { preconditionFailure("an append adds events") }
    return AppendResult(last: last)
  }

  /// Appends events, unless an earlier request to the stream had the same key.
  public func append(
    _ events: [Event], to streamID: StreamID, expecting: ExpectedVersion,
    idempotencyKey: IdempotencyKey
  ) throws(EventStoreError) -> IdempotentResult {
    // A repetition's events may be none that can be appended.
    if let first = try result(of: idempotencyKey, on: streamID) { return first }
    return try append(events, to: streamID, expecting: expecting, key: idempotencyKey)
  }

  /// What came of the request to a stream that had a key.
  public func result(
    of idempotencyKey: IdempotencyKey, on streamID: StreamID
  ) throws(EventStoreError) -> IdempotentResult? {
    try idempotencyKey.check()
    let now = clock()
    return try state.withLock { (state) throws(EventStoreError) in
      try result(of: idempotencyKey, on: streamID, at: now, state)
    }
  }

  private func result(
    of key: IdempotencyKey, on streamID: StreamID, at now: Timestamp, _ state: State
  ) throws(EventStoreError) -> IdempotentResult? {
    guard let recorded = state.keys[StreamKey(streamID)]?[KeyName(key)] else { return nil }
    switch recorded.verdict(
      number: key.number, request: key.request, now: now, lifetime: keyLifetime)
    {
    case .new: return nil
    case .repetition: return IdempotentResult(last: recorded.last, isRepetition: true)
    case .otherRequest:
      throw .keyReused(
        KeyReused(streamID: String(describing: streamID), key: key, first: recorded.last))
    }
  }

  private func append(
    _ events: [Event], to streamID: StreamID, expecting: ExpectedVersion, key: IdempotencyKey?
  ) throws(EventStoreError) -> IdempotentResult {
    try (streamID as? String)?.checkNoZero("a stream id")
    try check?(events, streamID)
    let time = clock()
    let metadata = TraceContext.metadata
    let result = try state.withLock { (state) throws(EventStoreError) -> IdempotentResult in
      if let key, let first = try self.result(of: key, on: streamID, at: time, state) {
        return first
      }
      let sequences = state.streams[StreamKey(streamID)]
      let actual = Version(sequences?.count ?? 0)
      if case .exact(let expected) = expecting, expected != actual {
        throw .conflict(
          VersionConflict(
            streamID: String(describing: streamID), expected: expected, actual: actual))
      }
      var last = sequences?.last.map { state.log[Int($0 - 1)].position }
      for (offset, event) in events.enumerated() {
        let sequence = UInt64(state.log.count + 1)
        let position = EventPosition(
          partition: 0, partitionOffset: sequence, sequenceNumber: sequence,
          version: actual + UInt64(offset) + 1)
        state.log.append(
          .event(
            Persisted(
              streamID: streamID, position: position, id: state.ids.next(at: time), time: time,
              event: event, metadata: metadata)))
        state.streams[StreamKey(streamID), default: []].append(sequence)
        last = position
      }
      if let key {
        state.keys[StreamKey(streamID), default: [:]][KeyName(key)] = RecordedKey(
          last: last, number: key.number, request: key.request, time: time)
      }
      return IdempotentResult(last: last, isRepetition: false)
    }
    if !events.isEmpty, let last = result.last { head.advance(to: last.sequenceNumber) }
    return result
  }

  /// A stream's events in order of version.
  public func stream(_ streamID: StreamID, _ select: ReadRange) -> StreamEvents {
    StreamEvents(store: self, streamID: streamID, from: select.lowerBound)
  }

  /// All entries in order of sequence number.
  public func streamAll(_ select: ReadRange) -> Entries {
    Entries(store: self, after: select.lowerBound - 1, waits: false)
  }

  /// Erases a stream's events, and its idempotency keys.
  /// - Returns: where the removal is; `nil` where the stream had no events.
  @discardableResult
  public func remove(
    _ streamID: StreamID, expecting: ExpectedVersion
  ) throws(EventStoreError) -> EventPosition? {
    let time = clock()
    let removal = try state.withLock { (state) throws(EventStoreError) -> EventPosition? in
      let actual = Version(state.streams[StreamKey(streamID)]?.count ?? 0)
      if case .exact(let expected) = expecting, expected != actual {
        throw .conflict(
          VersionConflict(
            streamID: String(describing: streamID), expected: expected, actual: actual))
      }
      state.keys[StreamKey(streamID)] = nil
      guard let sequences = state.streams.removeValue(forKey: StreamKey(streamID)) else {
        return nil
      }
      state.snapshots[StreamKey(streamID)] = nil
      for sequence in sequences {
        let index = Int(sequence - 1)
        state.log[index] = .erased(
          id: state.log[index].eventID, at: state.log[index].position)
      }
      let sequence = UInt64(state.log.count + 1)
      let position = EventPosition(
        partition: 0, partitionOffset: sequence, sequenceNumber: sequence, version: 0)
      state.log.append(
        .removed(streamID, id: state.ids.next(at: time), at: position))
      return position
    }
    if let removal { head.advance(to: removal.sequenceNumber) }
    return removal
  }

  // MARK: - Reading

  fileprivate func entry(after sequenceNumber: UInt64) -> LogEntry<StreamID, Event>? {
    let index = Int(clamping: sequenceNumber)
    return state.withLock { $0.log.indices.contains(index) ? $0.log[index] : nil }
  }

  fileprivate func event(
    _ streamID: StreamID, version: Version
  ) -> Persisted<StreamID, Event>? {
    state.withLock { state in
      guard let sequences = state.streams[StreamKey(streamID)], version <= sequences.count,
        case .event(let persisted) = state.log[Int(sequences[Int(version) - 1] - 1)]
      else { return nil }
      return persisted
    }
  }

  /// A stream's events.
  public struct StreamEvents: AsyncSequence, Sendable {
    /// Events of one stream.
    public typealias Element = Persisted<StreamID, Event>
    /// Reading can fail in other stores.
    public typealias Failure = any Error
    fileprivate let store: InMemoryEventStore
    fileprivate let streamID: StreamID
    fileprivate let from: Version

    /// An iterator at the first event.
    public func makeAsyncIterator() -> Iterator {
      Iterator(store: store, streamID: streamID, next: from)
    }

    /// Reads one event after the other.
    public struct Iterator: AsyncIteratorProtocol {
      fileprivate let store: InMemoryEventStore
      fileprivate let streamID: StreamID
      fileprivate var next: Version

      /// The next event, or `nil` at the end.
      public mutating func next() async throws -> Persisted<StreamID, Event>? {
        guard let persisted = store.event(streamID, version: next) else { return nil }
        next += 1
        return persisted
      }
    }
  }

  /// The store's entries.
  public struct Entries: AsyncSequence, Sendable {
    /// Entries of the whole store.
    public typealias Element = LogEntry<StreamID, Event>
    /// Reading can fail in other stores.
    public typealias Failure = any Error
    fileprivate let store: InMemoryEventStore
    fileprivate let after: UInt64
    fileprivate let waits: Bool

    /// An iterator at the first entry.
    public func makeAsyncIterator() -> Iterator {
      Iterator(store: store, position: after, waits: waits)
    }

    /// Reads one entry after the other.
    public struct Iterator: AsyncIteratorProtocol {
      fileprivate let store: InMemoryEventStore
      fileprivate var position: UInt64
      fileprivate let waits: Bool

      /// The next entry. At the end it waits for one where the sequence is a live one, and is `nil`
      /// where it is not or where the task is cancelled.
      public mutating func next() async throws -> LogEntry<StreamID, Event>? {
        while true {
          if let entry = store.entry(after: position) {
            position += 1
            return entry
          }
          guard waits, !Task.isCancelled else { return nil }
          await store.head.wait(past: position)
        }
      }
    }
  }
}

extension InMemoryEventStore: EventSubscriber {
  /// All entries after a sequence number, then new ones as they come.
  public func subscribeAll(after sequenceNumber: UInt64?) -> Entries {
    let after = sequenceNumber ?? state.withLock { UInt64($0.log.count) }
    return Entries(store: self, after: after, waits: true)
  }
}

extension InMemoryEventStore: SnapshotStore {
  /// The snapshot of a stream, where there is one.
  public func snapshot(of streamID: StreamID) -> Snapshot? {
    state.withLock { $0.snapshots[StreamKey(streamID)] }
  }

  /// Keeps a snapshot in place of an older one, where its event is in the stream.
  public func save(_ snapshot: Snapshot, of streamID: StreamID) {
    state.withLock { state in
      guard snapshot.version >= 1, let sequences = state.streams[StreamKey(streamID)],
        snapshot.version <= sequences.count,
        sequences[Int(snapshot.version) - 1] == snapshot.sequenceNumber,
        snapshot.version >= state.snapshots[StreamKey(streamID)]?.version ?? 0
      else { return }
      state.snapshots[StreamKey(streamID)] = snapshot
    }
  }
}
