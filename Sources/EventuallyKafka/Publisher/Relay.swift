import CoreMetrics
import Eventually
import Logging
import Tracing

/// One life of a producer: hands a store's events to it, and takes in what becomes of them.
///
/// Both are done on one thread. What librdkafka allocates for a record when it is handed over is freed when its report
/// is taken in; done on two threads, each would wait for the other's allocator.
actor Relay<Source: Outbox> {
  private let executor = BlockingExecutor(label: "kafka.publisher")
  private let producer: ProducerClient
  private let source: Source
  private let tails: [PartitionTail]
  private let logger: Logger
  private var batch: RecordBatch
  /// Partitions whose first record has been compared with the topic's end.
  private var compared: Set<Partition> = []
  private let progressed: @Sendable (Progress) -> Void
  /// The spans of records in flight that belong to traces, by sequence number.
  private var spans: [UInt64: any Span] = [:]
  /// When records up to a sequence number were handed over, the oldest first; those that are acknowledged go.
  private var handOvers: [(through: UInt64, at: ContinuousClock.Instant)] = []
  private let publishedEvents = Counter(label: MetricName.publishedEvents)
  private let publishSeconds = Timer(label: MetricName.publishSeconds)
  private let state: Locked<State>
  /// The sequence number up to which everything is acknowledged.
  private let acknowledged: PositionSignal
  /// The sequence number up to which everything is with the producer.
  private let handed: PositionSignal
  /// At most this many records are in flight.
  private let window: UInt64 = 20_000
  /// How many records are read from the store at a time.
  private let pageSize = 2_000

  /// How far a producer is.
  struct Progress: Sendable {
    /// The sequence number up to which everything is acknowledged.
    var published: UInt64
    /// How many records were acknowledged.
    var acknowledged: UInt64
    /// How many were in the topic already.
    var skipped: UInt64
    /// For how long the broker has acknowledged nothing of what waits for it; `nil` where nothing waits.
    var stall: Duration?
  }

  private struct State {
    var prefix: ContiguousPrefix
    var count: UInt64 = 0
    var skipped: UInt64 = 0
    /// The last sequence number that was handed to the producer.
    var handed: UInt64
    /// When something was acknowledged last, or handed over while nothing waited for acknowledgement.
    var lastProgress = ContinuousClock.now

    var progress: Progress {
      Progress(
        published: prefix.end, acknowledged: count, skipped: skipped,
        stall: handed > prefix.end ? .now - lastProgress : nil)
    }
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// - Parameters:
  ///   - cursor: the sequence number up to which everything is known to be published.
  ///   - progressed: hears of all progress.
  init(
    _ producer: ProducerClient, source: Source, contentType: String, keys: TopicKeys?,
    tails: [PartitionTail], cursor: UInt64, logger: Logger,
    progressed: @escaping @Sendable (Progress) -> Void
  ) {
    self.producer = producer
    self.source = source
    self.tails = tails
    self.logger = logger
    self.progressed = progressed
    batch = RecordBatch(storeID: source.storeID, contentType: contentType, keys: keys)
    state = Locked(State(prefix: ContiguousPrefix(end: cursor), handed: cursor))
    acknowledged = PositionSignal(at: cursor)
    handed = PositionSignal(at: cursor)
  }

  /// How far it is.
  nonisolated var progress: Progress { state.withLock { $0.progress } }

  // MARK: - Handing over

  /// Reads committed events and hands them to the producer, until the task is cancelled.
  func publish(after cursor: UInt64, _ heartbeat: Heartbeat) async throws {
    defer { heartbeat.ended() }
    var position = cursor
    var page = try await source.records(after: position, limit: pageSize)
    while true {
      try Task.checkCancellation()
      heartbeat.beat()
      guard let last = page.last else {
        heartbeat.idle()
        page = try await newRecords(after: position)
        continue
      }
      // The next page is read while this one is handed over.
      async let next = source.records(after: last.position.sequenceNumber, limit: pageSize)
      let before = position
      var held: [UInt64] = []
      for record in page {
        guard record.position.sequenceNumber == position + 1 else {
          throw EventStoreError.unavailable(
            "the event at sequence number \(position + 1) is missing: the store is damaged")
        }
        position += 1
        if shouldPublish(record.position) {
          batch.append(record)
          beginSpan(record)
        } else {
          held.append(position)
        }
      }
      if !held.isEmpty {
        note { state in
          for sequence in held { state.prefix.acknowledge(sequence) }
          state.skipped += UInt64(held.count)
        }
      }
      // What waits for the broker is seen by the stall.
      heartbeat.idle()
      handOvers.append((position, .now))
      try await handOver()
      noteHanded(position)
      if position > window { await acknowledged.wait(past: min(before, position - window)) }
      page = try await next
    }
  }

  /// Waits for records, and then makes way for handing them over.
  private nonisolated func newRecords(after position: UInt64) async throws -> [EventRecord] {
    await source.head.wait(past: position)
    let page = try await source.records(after: position, limit: pageSize)
    producer.wake()
    return page
  }

  /// Hands the batch to the producer, and empties it.
  private func handOver() async throws {
    while batch.count > 0 {
      try Task.checkCancellation()
      let taken = try producer.produce(batch)
      if taken == batch.count { break }
      // The producer's queue is full: go on when it has delivered something.
      batch.dropFirst(taken)
      try takeReports(timeout: 10)
      await Task.yield()
    }
    batch.clear()
    try takeReports(timeout: 0)
  }

  /// Records up to a sequence number are with the producer.
  private func noteHanded(_ sequence: UInt64) {
    FaultPoint.relayProduced.pass()
    state.withLock { state in
      if state.handed <= state.prefix.end { state.lastProgress = .now }
      state.handed = max(state.handed, sequence)
    }
    handed.advance(to: sequence)
  }

  private func beginSpan(_ record: EventRecord) {
    guard let parent = record.metadata.traceParent, TraceContext.isActive else { return }
    let span = startSpan(
      SpanName.publish, context: TraceContext.context(parent), ofKind: .producer)
    span.attributes["eventually.sequence_number"] = Int64(record.position.sequenceNumber)
    spans[record.position.sequenceNumber] = span
  }

  /// Whether the topic lacks an event.
  private func shouldPublish(_ position: EventPosition) -> Bool {
    let tail = tails[Int(position.partition)]
    if compared.insert(position.partition).inserted, position.partitionSequence > tail.last + 1 {
      logger.warning(
        "the topic has lost events that it had acknowledged; consumers get them from the feed",
        metadata: [
          "partition": "\(position.partition)", "topic ends at": "\(tail.last)",
          "publishing from": "\(position.partitionSequence)",
        ])
    }
    return position.partitionSequence > tail.contiguous
  }

  // MARK: - Acknowledgements

  /// Takes in what becomes of records while none are handed over, until the task is cancelled.
  func acknowledge(_ heartbeat: Heartbeat) async throws {
    defer { heartbeat.ended() }
    while true {
      try Task.checkCancellation()
      guard let stall = progress.stall else {
        heartbeat.idle()
        await handed.wait(past: acknowledged.position)
        continue
      }
      heartbeat.beat()
      // Short where the next page may be there in a moment, which does not wake this thread.
      try takeReports(timeout: stall < .milliseconds(10) ? 1 : 50)
      await Task.yield()
    }
  }

  private func takeReports(timeout: Int32) throws {
    let reports = producer.poll(timeout: timeout)
    if let failed = reports.first(where: { $0.code != 0 }) {
      FaultPoint.relayRefused.pass()
      try producer.checkFatalError()
      throw KafkaError(
        code: failed.code, message: "the broker refused a record", isRetriable: false,
        operation: "publish the event at sequence number \(failed.sequenceNumber)")
    }
    guard !reports.isEmpty else {
      try producer.checkFatalError()
      // That there is no progress is of interest too.
      return progressed(progress)
    }
    note { state in
      for report in reports { state.prefix.acknowledge(report.sequenceNumber) }
      state.count += UInt64(reports.count)
    }
    publishedEvents.increment(by: reports.count)
    let end = progress.published
    while let first = handOvers.first, first.through <= end {
      publishSeconds.recordNanoseconds((ContinuousClock.now - first.at).nanoseconds)
      handOvers.removeFirst()
    }
    if !spans.isEmpty {
      for report in reports { spans.removeValue(forKey: report.sequenceNumber)?.end() }
    }
    FaultPoint.relayAcknowledged.pass()
  }

  private func note(_ change: (inout State) -> Void) {
    let progress = state.withLock { state in
      change(&state)
      state.lastProgress = .now
      return state.progress
    }
    acknowledged.advance(to: progress.published)
    progressed(progress)
  }
}
