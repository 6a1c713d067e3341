import CoreMetrics
import Tracing

/// An event store that encodes events, and keeps them as records in a database: durable when an append returns, any number of
/// readers. Adapters to databases have initialisers of it.
///
/// Concurrent appends share transactions (group commit): the more callers wait, the more events each flush of the database makes
/// durable. Sequence numbers and partition offsets are given under a lock, so they have no gaps, and their order is the order of
/// commits.
///
/// A store that an adapter opens takes streams of any name. For several aggregates in one store, ``init(_:category:codec:)``
/// makes a view for each of them, whose streams are named by ids alone.
public final class RecordEventStore<Codec: EventCodec>: EventStore, EventSubscriber {
  /// Streams are named by strings, as keys on a bus are.
  public typealias StreamID = String
  /// What the codec encodes.
  public typealias Event = Codec.Event
  /// How a store is opened.
  public typealias Options = EventStoreOptions

  /// The store of encoded events, which views have in common.
  let base: any RecordStore
  @usableFromInline let options: EventStoreOptions
  /// How this view's ids and the names of streams belong together.
  let names: StreamNames
  private let codec: Codec
  private let encoder: AppendEncoder<Codec.Event>
  private let appendSeconds = Timer(label: MetricName.appendSeconds)
  private let keyMetrics = KeyMetrics()

  /// A typed store over an adapter's store of records, which was opened with `options`.
  package init(
    _ base: any RecordStore, codec: Codec, encoder: AppendEncoder<Codec.Event>,
    options: EventStoreOptions
  ) {
    self.base = base
    self.codec = codec
    self.encoder = encoder
    self.options = options
    names = .all
  }

  /// A view of a store that is open: one category's streams, named by their ids. It shares the writer with the store, whose
  /// role lasts until neither is used any more, and which ``close()`` of either gives back.
  ///
  /// Entries of other categories come as `LogEntry.other(id:at:)`. An id that is empty or would make a name of more than
  /// 512 bytes is refused with `EventStoreError.invalid(_:)`, as is an id with a `/` in the unnamed category.
  @inlinable
  public convenience init<Other>(
    _ other: RecordEventStore<Other>, category: StreamCategory, codec: Codec
  ) {
    self.init(
      other, category: category, codec: codec,
      encoder: AppendEncoder(
        codec, limit: other.options.recordLimit, readsBack: other.options.readsBack))
  }

  @usableFromInline
  init<Other>(
    _ other: RecordEventStore<Other>, category: StreamCategory, codec: Codec,
    encoder: AppendEncoder<Codec.Event>
  ) {
    base = other.base
    options = other.options
    names = .category(category)
    self.codec = codec
    self.encoder = encoder
  }

  /// The same store, for reading.
  public var log: any StoreLog { base.log }

  /// Where the store stands: the last committed sequence number.
  public var head: PositionSignal { base.head }

  /// About how many bytes a stream's events take, without asking the database; 0 for less than 256 KiB.
  public func size(ofLargeStream streamID: String) -> UInt64 {
    // No stream has a name that is refused.
    guard let name = try? names.name(of: streamID) else { return 0 }
    return base.size(ofLargeStream: name)
  }

  /// Gives back what the store holds of its database, a writer's role say, at once, for another process or another object; a
  /// store that is not closed gives it back when nothing uses it any more. Appends fail from then on.
  public func close() async { await base.close() }

  /// Why the store could not be written last; `nil` where it could. After a failure it is tried anew, with a
  /// transaction that changes no event.
  public func writeFailure() async -> String? { await base.writeFailure() }

  /// Appends events, all or none; durable when it returns.
  public func append(
    _ events: [Event], to streamID: String, expecting: ExpectedVersion
  ) async throws(EventStoreError) -> AppendResult {
    guard !events.isEmpty else { throw .invalid("an append needs at least one event") }
    let name = try names.name(toAppendTo: streamID)
    guard case .added(let last) = try await append(events, to: name, expecting: expecting, key: nil)
    else { preconditionFailure("an append adds events") }
    return AppendResult(last: last)
  }

  /// What the events keep: what is bound to the task, in the trace of the append itself.
  private func metadata(in span: (any Span)?) -> EventMetadata {
    var metadata = EventMetadata.current
    if let span { TraceContext.add(span.context, to: &metadata) }
    return metadata
  }

  private func append(
    _ events: [Event], to name: String, expecting: ExpectedVersion, key: StoredKey?
  ) async throws(EventStoreError) -> StoreOutcome {
    let span = TraceContext.isActive ? startSpan(SpanName.append, ofKind: .producer) : nil
    defer { span?.end() }
    span?.updateAttributes { attributes in
      attributes["db.system.name"] = base.databaseSystem
      attributes["db.operation.name"] = SpanName.append
      attributes["eventually.stream_id"] = name
      attributes["eventually.events"] = Int64(events.count)
    }
    let start = ContinuousClock.now
    do throws(EventStoreError) {
      let encoded = try encoder(events, of: name, metadata: metadata(in: span))
      let outcome = try await base.perform(
        .append(streamID: name, expecting: expecting, encoded, key: key))
      if case .added(let last) = outcome {
        span?.attributes["eventually.sequence_number"] = Int64(last.sequenceNumber)
      }
      appendSeconds.recordNanoseconds((ContinuousClock.now - start).nanoseconds)
      return outcome
    } catch {
      span?.recordError(error)
      throw error
    }
  }

  /// Erases a stream's events for good. It reads and overwrites all of them: the larger the stream,
  /// the longer other appends wait.
  ///
  /// When it returns, the events are overwritten, durably, and nobody who reads from now on finds them. The database's
  /// files may still have them as they were, until nobody reads an earlier state of the store any more:
  /// ``waitForErasure(of:atMost:)``.
  /// - Returns: where the removal is; `nil` where the stream had no events.
  @discardableResult
  public func remove(
    _ streamID: String, expecting: ExpectedVersion
  ) async throws(EventStoreError) -> EventPosition? {
    let name = try names.name(of: streamID)
    let outcome = try await base.perform(.remove(streamID: name, expecting: expecting))
    guard case .added(let removal) = outcome else { return nil }
    return removal
  }

  /// Waits until nothing is left of a removed stream's events in the database's files, as far as the store can tell. Appends go
  /// on meanwhile. The erasure does not depend on anybody's waiting, and goes on after a restart.
  /// - Parameters:
  ///   - removal: what ``remove(_:expecting:)`` returned.
  ///   - limit: how long to wait at most.
  /// - Returns: whether nothing is left; `false` while somebody still reads the store as it was before, a backup for example.
  public func waitForErasure(of removal: EventPosition, atMost limit: Duration) async -> Bool {
    await base.waitForErasure(of: removal, atMost: limit)
  }

  /// The removals of which something may be left in the database's files, and why.
  public var pendingErasures: PendingErasures { base.pendingErasures }

  /// A stream's events in order of version, read in pages.
  public func stream(_ streamID: String, _ select: ReadRange) -> StoredStream<Codec> {
    StoredStream(
      log: log, codec: codec, streamID: streamID, from: select.lowerBound, names: names)
  }

  /// All entries in order of sequence number, read in pages.
  public func streamAll(_ select: ReadRange) -> StoredLog<Codec> {
    StoredLog(log: log, codec: codec, after: select.lowerBound - 1, names: names)
  }

  /// All entries after a sequence number, then new ones as this process learns of their commits.
  public func subscribeAll(after sequenceNumber: UInt64?) -> StoredLog<Codec> {
    StoredLog(
      log: log, codec: codec, after: sequenceNumber ?? head.position, signal: head, names: names)
  }

  // MARK: - Idempotency keys

  /// Appends events, unless an earlier request to the stream had the same key; durable when it returns.
  ///
  /// The store keeps a digest of the key, and not the key: about 50 bytes of its database.
  public func append(
    _ events: [Event], to streamID: String, expecting: ExpectedVersion,
    idempotencyKey: IdempotencyKey
  ) async throws(EventStoreError) -> IdempotentResult {
    let name = try names.name(toAppendTo: streamID)
    let key = try stored(idempotencyKey, of: name)
    do throws(EventStoreError) {
      switch try await append(events, to: name, expecting: expecting, key: key) {
      case .added(let last): return IdempotentResult(last: last, isRepetition: false)
      case .unchanged(let last): return IdempotentResult(last: last, isRepetition: false)
      case .repeated(let last): return IdempotentResult(last: last, isRepetition: true)
      }
    } catch {
      // Events are encoded before the key is looked up: a repetition's may be none that can be.
      if error.isOfEvents, let first = try await result(of: key, named: name) { return first }
      throw error
    }
  }

  /// What came of the request to a stream that had a key.
  public func result(
    of idempotencyKey: IdempotencyKey, on streamID: String
  ) async throws(EventStoreError) -> IdempotentResult? {
    let name = try names.name(of: streamID)
    return try await result(of: try stored(idempotencyKey, of: name), named: name)
  }

  private func stored(
    _ key: IdempotencyKey, of name: String
  ) throws(EventStoreError) -> StoredKey {
    try key.check()
    return StoredKey(key, of: name)
  }

  private func result(
    of key: StoredKey, named name: String
  ) async throws(EventStoreError) -> IdempotentResult? {
    guard let recorded = try await base.recorded(key, of: name) else { return nil }
    switch recorded.verdict(
      number: key.key.number, request: key.request, now: options.clock(),
      lifetime: options.keyLifetime)
    {
    case .new: return nil
    case .repetition:
      keyMetrics.repeated()
      return IdempotentResult(last: recorded.last, isRepetition: true)
    case .otherRequest:
      keyMetrics.reused()
      throw .keyReused(KeyReused(streamID: name, key: key.key, first: recorded.last))
    }
  }
}

extension EventStoreError {
  /// Whether it is about the events alone, whatever the store holds.
  fileprivate var isOfEvents: Bool {
    switch self {
    case .invalid, .unreadable, .recordTooLarge: true
    default: false
    }
  }
}
