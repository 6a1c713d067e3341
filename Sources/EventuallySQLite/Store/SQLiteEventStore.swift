import CoreMetrics
public import Eventually
import Tracing

/// An event store in a file: durable when an append returns, one writer process at a time, any number of
/// readers.
///
/// Concurrent appends share transactions (group commit): the more callers wait, the more events each
/// `fsync` makes durable. Sequence numbers and partition sequences are assigned under the write lock, so
/// they have no gaps, and their order is the order of commits.
///
/// A store that is opened by its path takes streams of any name. For several aggregates in one store, ``init(_:category:codec:)``
/// makes a view for each of them, whose streams are named by ids alone.
public final class SQLiteEventStore<Codec: EventCodec>: EventStore, EventSubscriber {
  /// Streams are named by strings, as keys on a bus are.
  public typealias StreamID = String
  /// What the codec encodes.
  public typealias Event = Codec.Event

  /// How a store is opened.
  public struct Options: Sendable {
    /// How many partitions a new store divides its streams among; it never changes after that. A store
    /// that exists is refused where it differs; `nil` takes what it has, and 12 for a new one.
    public var partitionCount: Partition?
    /// At most this many events go into one transaction, unless one append has more.
    public var transactionLimit = 4096
    /// While this many events wait to be appended, further appends are refused with
    /// `EventStoreError.overloaded`.
    public var queueLimit = 100_000
    /// An event whose record takes more bytes is refused with `EventStoreError.recordTooLarge`. The bus must accept what this
    /// accepts; a publisher may set it to what that does.
    public var recordLimit = RecordLimit()
    /// Whether an append makes sure, before it commits, that each event decodes to an equal one, and refuses it with
    /// `EventStoreError.unreadable` where not. It costs about as much processor time as to decode the events, while the
    /// store inserts them.
    public var readsBack = true
    /// An append that would make its stream larger is refused with `EventStoreError.streamTooLarge`.
    public var streamLimit = StreamLimit()
    /// How long an idempotency key lives from when it was kept; `nil` for as long as its stream. After that, a request that comes with
    /// the key again is carried out again. The highest numbers of senders that number their requests live as long as the
    /// stream in any case.
    public var keyLifetime: Duration?
    /// Where the time of events comes from: they bear what it says. Where it steps, so do they; their order is that of
    /// sequence numbers.
    public var clock: @Sendable () -> Timestamp = Timestamp.now
    /// Hears that the store's loop is alive.
    public var heartbeats = Heartbeats()

    /// The defaults.
    public init(partitionCount: Partition? = nil) {
      self.partitionCount = partitionCount
    }
  }

  /// The same file, for reading.
  public let log: SQLiteEventLog
  let shared: SharedStore
  private var writer: StoreWriter { shared.writer }
  private var eraser: StoreEraser { shared.eraser }
  private let codec: Codec
  private let encoder: AppendEncoder<Codec.Event>
  /// How this view's ids and the names of streams belong together.
  let names: StreamNames
  private let appendSeconds = Timer(label: MetricName.appendSeconds)

  /// Opens a store as its writer, and creates it where there is none.
  /// - Throws: ``StoreOpenError`` with the code ``StoreOpenError/Code/locked`` where another process is its writer.
  @inlinable
  public convenience init(
    path: String, codec: Codec, options: Options = Options()
  ) throws(StoreOpenError) {
    try self.init(
      path: path, codec: codec,
      encoder: AppendEncoder(
        codec, limit: options.recordLimit, readsBack: options.readsBack),
      options: options)
  }

  @usableFromInline
  init(
    path: String, codec: Codec, encoder: AppendEncoder<Codec.Event>, options: Options
  ) throws(StoreOpenError) {
    if let count = options.partitionCount {
      precondition((1...10_000).contains(count), "a store has 1 to 10,000 partitions")
    }
    let writer = try StoreWriter(
      path: path, partitionCount: options.partitionCount,
      transactionLimit: options.transactionLimit, queueLimit: options.queueLimit,
      streamLimit: options.streamLimit, keyLifetime: options.keyLifetime,
      heartbeats: options.heartbeats, clock: options.clock)
    let eraser = try StoreEraser(writer: writer, path: path)
    log = try SQLiteEventLog(path: path)
    shared = SharedStore(
      writer: writer, eraser: eraser, snapshotted: try Self.streamsWithSnapshots(path),
      recordLimit: options.recordLimit, readsBack: options.readsBack, clock: options.clock)
    names = .all
    self.codec = codec
    self.encoder = encoder
    eraser.start()
  }

  /// A view of a store that is open: one category's streams, named by their ids. It shares the writer with the store, whose
  /// role lasts until neither is used any more, and which ``close()`` of either gives back.
  ///
  /// Entries of other categories come as `LogEntry.other(id:at:)`. An id that is empty or would make a name of more than
  /// 512 bytes is refused with `EventStoreError.invalid(_:)`, as is an id with a `/` in the unnamed category.
  @inlinable
  public convenience init<Other>(
    _ other: SQLiteEventStore<Other>, category: StreamCategory, codec: Codec
  ) {
    self.init(
      other, category: category, codec: codec,
      encoder: AppendEncoder(codec, limit: other.recordLimit, readsBack: other.readsBack))
  }

  @usableFromInline
  init<Other>(
    _ other: SQLiteEventStore<Other>, category: StreamCategory, codec: Codec,
    encoder: AppendEncoder<Codec.Event>
  ) {
    shared = other.shared
    log = other.log
    names = .category(category)
    self.codec = codec
    self.encoder = encoder
  }

  @usableFromInline var recordLimit: RecordLimit { shared.recordLimit }
  @usableFromInline var readsBack: Bool { shared.readsBack }

  /// Where the store stands: the last committed sequence number.
  public var head: PositionSignal { writer.head }

  /// About how many bytes a stream's events take, without asking the database; 0 for less than 256 KiB.
  public func size(ofLargeStream streamID: String) -> UInt64 {
    // No stream has a name that is refused.
    guard let name = try? names.name(of: streamID) else { return 0 }
    return writer.largeStreams.withLock { $0[name.hashValue] ?? 0 }
  }

  /// Gives the writer's role back at once, for another process or another object; a store that is not closed gives it
  /// back when nothing uses it any more. Appends fail from then on.
  public func close() async {
    await eraser.close()
    await writer.close()
  }

  /// Why the store could not be written last; `nil` where it could. After a failure it is tried anew, with a
  /// transaction that changes no event.
  public func writeFailure() async -> String? {
    guard writer.failure.withLock({ $0 }) != nil else { return nil }
    do {
      _ = try await writer.perform(.probe)
      return nil
    } catch {
      return error.description
    }
  }

  /// Appends events, all or none; durable when it returns.
  public func append(
    _ events: [Event], to streamID: String, expecting: ExpectedVersion
  ) async throws(EventStoreError) -> AppendResult {
    guard !events.isEmpty else { throw .invalid("an append needs at least one event") }
    let name = try names.name(of: streamID)
    guard case .added(let last) = try await append(events, to: name, expecting: expecting, key: nil)
    else { preconditionFailure("an append adds events") }
    return AppendResult(last: last)
  }

  /// What the events keep: what is bound to the task, in the trace of the append itself.
  private func metadata(in span: (any Span)?) -> EventMetadata {
    var metadata = EventMetadata.current
    if let span, let parent = TraceContext.traceParent(of: span.context) {
      metadata.traceParent = parent
    }
    return metadata
  }

  func append(
    _ events: [Event], to name: String, expecting: ExpectedVersion, key: StoredKey?
  ) async throws(EventStoreError) -> StoreOutcome {
    let span = TraceContext.isActive ? startSpan(SpanName.append, ofKind: .producer) : nil
    defer { span?.end() }
    let start = ContinuousClock.now
    do throws(EventStoreError) {
      let encoded = try encoder(events, of: name, metadata: metadata(in: span))
      let outcome = try await writer.perform(
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
  /// When it returns, the events are overwritten, durably, and nobody who reads from now on finds them. The store's
  /// write-ahead log still has them as they were, until nobody reads an earlier state of the store any more:
  /// ``waitForErasure(of:atMost:)``.
  /// - Returns: where the removal is; `nil` where the stream had no events.
  @discardableResult
  public func remove(
    _ streamID: String, expecting: ExpectedVersion
  ) async throws(EventStoreError) -> EventPosition? {
    let name = try names.name(of: streamID)
    let outcome = try await writer.perform(.remove(streamID: name, expecting: expecting))
    guard case .added(let removal) = outcome else { return nil }
    eraser.removed(at: removal.sequenceNumber)
    return removal
  }

  /// Waits until nothing is left of a removed stream's events in the store's files: the database, its log, and its free
  /// pages. Appends go on meanwhile. The erasure does not depend on anybody's waiting, and goes on after a restart.
  /// - Parameters:
  ///   - removal: what ``remove(_:expecting:)`` returned.
  ///   - limit: how long to wait at most.
  /// - Returns: whether nothing is left; `false` while somebody still reads the store as it was before, a backup for example.
  public func waitForErasure(of removal: EventPosition, atMost limit: Duration) async -> Bool {
    await eraser.wait(through: removal.sequenceNumber, atMost: limit)
  }

  /// The removals of which something may be left in the store's write-ahead log, and why.
  public var pendingErasures: PendingErasures { eraser.pending }

  /// A stream's events in order of version, read in pages.
  public func stream(_ streamID: String, _ select: ReadRange) -> SQLiteStreamEvents<Codec> {
    SQLiteStreamEvents(
      log: log, codec: codec, streamID: streamID, from: select.lowerBound, names: names)
  }

  /// All entries in order of sequence number, read in pages.
  public func streamAll(_ select: ReadRange) -> SQLiteLogEntries<Codec> {
    SQLiteLogEntries(log: log, codec: codec, after: select.lowerBound - 1, names: names)
  }

  /// All entries after a sequence number, then new ones as this process commits them.
  public func subscribeAll(after sequenceNumber: UInt64?) -> SQLiteLogEntries<Codec> {
    SQLiteLogEntries(
      log: log, codec: codec, after: sequenceNumber ?? head.position, signal: head, names: names)
  }
}

extension SQLiteEventStore: Outbox {
  /// Tells this store from every other.
  public var storeID: String { log.storeID }
  /// How many partitions the store's streams are divided among.
  public var partitionCount: Partition { log.partitionCount }

  /// Up to `limit` records in order, the first of them the one after `sequenceNumber`.
  public func records(
    after sequenceNumber: UInt64, limit: Int
  ) async throws(EventStoreError) -> [EventRecord] {
    try await log.records(after: sequenceNumber, limit: limit)
  }

  /// The sequence number up to which the bus has acknowledged everything, as last noted.
  public func published() async throws(EventStoreError) -> UInt64 {
    try await log.published()
  }

  /// The last partition offset of each partition.
  public func heads() async throws(EventStoreError) -> [UInt64] {
    try await log.heads()
  }

  /// The last partition offset that each partition had when the store's last sequence number was
  /// `sequenceNumber`, 0 for none.
  public func heads(at sequenceNumber: UInt64) async throws(EventStoreError) -> [UInt64] {
    try await log.heads(at: sequenceNumber)
  }

  /// Notes that the bus has acknowledged everything up to `sequenceNumber`.
  public func markPublished(_ sequenceNumber: UInt64) async throws(EventStoreError) {
    _ = try await writer.perform(.published(sequenceNumber))
  }

  /// Up to `limit` records of some partitions in the store's order, the first of them the first after `sequenceNumber`.
  public func records(
    after sequenceNumber: UInt64, limit: Int, of partitions: Set<Partition>
  ) async throws(EventStoreError) -> [EventRecord] {
    try await log.records(after: sequenceNumber, limit: limit, of: partitions)
  }

  /// What was noted last of partitions that are not as far as others.
  public func publishedProgress() async throws(EventStoreError) -> PublishedProgress? {
    try await log.publishedProgress()
  }

  /// Notes how far each partition is published, and which events the bus refuses.
  public func markPublished(_ progress: PublishedProgress) async throws(EventStoreError) {
    _ = try await writer.perform(.progress(progress))
  }

  /// Whether an administrator has decided that a placeholder is published in an event's place.
  public func isSkipped(
    partition: Partition, offset: UInt64
  ) async throws(EventStoreError) -> Bool {
    try await log.isSkipped(partition: partition, offset: offset)
  }
}

extension SQLiteEventStore: SnapshotStore {
  /// The snapshot that is kept of a stream, where there is one.
  public func snapshot(of streamID: String) async throws(EventStoreError) -> Snapshot? {
    let name = try names.name(of: streamID)
    guard shared.snapshotted.withLock({ $0.contains(name.hashValue) }) else { return nil }
    return try await log.snapshot(of: name)
  }

  /// Keeps a snapshot in place of an older one, where its event is in the stream; with the transaction of other appends.
  public func save(_ snapshot: Snapshot, of streamID: String) async throws(EventStoreError) {
    let name = try names.name(of: streamID)
    _ = try await writer.perform(.snapshot(streamID: name, snapshot))
    shared.snapshotted.withLock { _ = $0.insert(name.hashValue) }
  }

  private static func streamsWithSnapshots(_ path: String) throws(StoreOpenError) -> Set<Int> {
    do {
      let connection = try SQLiteConnection(path: path, mode: .readOnly)
      return Set(
        try connection.rows(
          "SELECT s.id FROM snapshots n JOIN streams s ON s.key = n.stream"
        ) { $0.text(0).hashValue })
    } catch {
      throw .failed(path, error)
    }
  }
}
