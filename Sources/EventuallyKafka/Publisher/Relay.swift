import CoreMetrics
import Eventually
import Logging
import ServiceContextModule
import Tracing

/// The flow: hands a store's events to one producer, and notes what becomes of them, until the producer ends.
///
/// Both are done on one thread. What librdkafka allocates for a record when it is handed over is freed when its report
/// is read; done on two threads, each would wait for the other's allocator.
actor Relay<Source: Outbox> {
  private let executor = BlockingExecutor(label: "kafka.publisher")
  private let life: ProducerLife
  private nonisolated let client: ProducerClient
  private let source: Source
  private let term: RelayTerm
  private let tails: [PartitionTail]
  private let isLossExpected: Bool
  private let endpoint: MessagingEndpoint
  private let logger: Logger
  private var batch: RecordBatch
  /// Partitions whose first record has been compared with the topic's end.
  private var compared: Set<Partition> = []
  private let state: RelayState
  /// The spans of records in flight that belong to traces, by sequence number.
  private var spans: [UInt64: any Span] = [:]
  /// When records up to a sequence number were sent, the oldest first; those that are acknowledged go.
  private var sends: [(through: UInt64, at: ContinuousClock.Instant)] = []
  /// How many of them, from the front, are gone.
  private var acknowledgedSends = 0
  private let sendSeconds: Timer
  /// How many records were handed to the producer, and of how many it is known what became of them.
  private let handed = PositionSignal(at: 0)
  private let reported = PositionSignal(at: 0)
  /// At most this many records are in flight.
  private let window: UInt64 = 20_000
  /// How many records are read from the store at a time.
  private let pageSize = 2_000

  /// The producer is at its end.
  private struct Ended: Error {}

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// - Parameters:
  ///   - tails: what the topic held when the plan was made.
  ///   - isLossExpected: whether it is usual that the topic has lost events.
  init(
    _ client: ProducerClient, source: Source, term: RelayTerm, batch: RecordBatch,
    tails: [PartitionTail], topic: String, isLossExpected: Bool, state: RelayState, logger: Logger
  ) {
    endpoint = .kafka(topic)
    sendSeconds = Timer(
      label: MetricName.sendSeconds,
      dimensions: endpoint.dimensions(SpanName.send) + [("messaging_operation_type", "send")])
    life = ProducerLife(client)
    self.client = client
    self.source = source
    self.term = term
    self.batch = batch
    self.tails = tails
    self.isLossExpected = isLossExpected
    self.state = state
    self.logger = logger
  }

  /// Publishes until the producer ends.
  /// - Returns: how that came.
  /// - Throws: what the store throws, and ``RelayFenced``.
  func run(after position: UInt64, _ heartbeats: Heartbeats) async throws -> ProducerLife.End {
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await self.publish(after: position, heartbeats.loop("relay.read"))
        }
        group.addTask { try await self.acknowledge(heartbeats.loop("relay.acknowledge")) }
        // The first of them to fail ends the other.
        defer { group.cancelAll() }
        try await group.next()
      }
      throw CancellationError()
    } catch is Ended {
      let heartbeat = heartbeats.loop("relay.end")
      defer { heartbeat.ended() }
      return try await life.end(note, beat: heartbeat.beat)
    } catch {
      leave()
      throw error
    }
  }

  /// Before another process publishes: what can't be taken back is acknowledged, if that comes soon, and after the term's end
  /// nothing is sent any more.
  private func leave() {
    guard term.length != nil else { return }
    let deadline = ContinuousClock.now + .milliseconds(500)
    while term.isHeld, !life.isAtEnd, life.reported < life.handed, ContinuousClock.now < deadline {
      note(life.reports(timeout: 20))
    }
    client.purge(inFlight: true)
  }

  // MARK: - Handing over

  /// Reads committed events and hands them to the producer, until the task is cancelled.
  private func publish(after cursor: UInt64, _ heartbeat: Heartbeat) async throws {
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
      try term.check()
      // The next page is read while this one is handed over.
      async let next = recordsAtHand(after: last.position.sequenceNumber)
      let before = life.handed
      try take(page, after: position)
      position = last.position.sequenceNumber
      // What waits for the broker is seen by the stall.
      heartbeat.idle()
      sends.append((position, .now))
      try await send()
      FaultPoint.relayProduced.pass()
      handed.advance(to: life.handed)
      if life.handed > window { await reported.wait(past: min(before, life.handed - window)) }
      page = try await next
    }
  }

  /// Puts what the topic lacks of a page into the batch.
  private func take(_ page: [EventRecord], after position: UInt64) throws {
    for (record, expected) in zip(page, (position + 1)...) {
      guard record.position.sequenceNumber == expected else {
        throw EventStoreError.unavailable(
          "the event at sequence number \(expected) is missing: the store is damaged")
      }
    }
    let decisions = state.advance { plan in page.map { plan.read($0.position) } }
    for (record, decision) in zip(page, decisions) {
      compareWithTail(record.position)
      guard decision == .publish else { continue }
      batch.append(record)
      beginSpan(record)
    }
  }

  /// The next page; none where the last one has reached the store's head, which whoever waits for new records looks at, too.
  private nonisolated func recordsAtHand(after position: UInt64) async throws -> [EventRecord] {
    guard source.head.position > position else { return [] }
    return try await source.records(after: position, limit: pageSize)
  }

  /// Waits for records, and then makes way for sending them.
  private nonisolated func newRecords(after position: UInt64) async throws -> [EventRecord] {
    await source.head.wait(past: position)
    let page = try await source.records(after: position, limit: pageSize)
    client.wake()
    return page
  }

  /// Hands the batch to the producer, and empties it.
  private func send() async throws {
    while batch.count > 0 {
      try Task.checkCancellation()
      try term.check()
      let taken = life.produce(batch) { note([$0]) }
      if taken == batch.count { break }
      // The producer's queue is full: go on when it has delivered something.
      batch.dropFirst(taken)
      try takeReports(timeout: 10)
      await Task.yield()
    }
    batch.clear()
    try takeReports(timeout: 0)
  }

  private func beginSpan(_ record: EventRecord) {
    guard TraceContext.isRecorded(record.metadata), TraceContext.isActive else { return }
    spans[record.position.sequenceNumber] = endpoint.startSpan(
      SpanName.send, type: "send", record.position, of: record.streamID, record.id,
      record.metadata)
  }

  /// Tells where the topic has lost events.
  private func compareWithTail(_ position: EventPosition) {
    guard compared.count < tails.count, compared.insert(position.partition).inserted else { return }
    let tail = tails[Int(position.partition)]
    guard position.partitionOffset > tail.last + 1 else { return }
    logger.log(
      level: isLossExpected ? .info : .warning,
      "the topic has lost events that it had acknowledged; consumers get them from the feed",
      metadata: [
        "partition": "\(position.partition)", "topic ends at": "\(tail.last)",
        "publishing from": "\(position.partitionOffset)",
      ])
  }

  // MARK: - Acknowledgements

  /// Notes what becomes of records while none are handed over, until the task is cancelled.
  private func acknowledge(_ heartbeat: Heartbeat) async throws {
    defer { heartbeat.ended() }
    while true {
      try Task.checkCancellation()
      guard life.reported < life.handed else {
        heartbeat.idle()
        await handed.wait(past: reported.position)
        continue
      }
      heartbeat.beat()
      // Short where the next page may be there in a moment, which does not wake this thread.
      let stall = state.progress.stall ?? .zero
      try takeReports(timeout: stall < .milliseconds(10) ? 1 : 50)
      await Task.yield()
    }
  }

  private func takeReports(timeout: Int32) throws {
    let reports = life.reports(timeout: timeout)
    if reports.isEmpty {
      // That there is no progress is of interest too.
      state.tell()
    } else {
      note(reports)
    }
    if life.isAtEnd { throw Ended() }
    if !reports.isEmpty { FaultPoint.relayAcknowledged.pass() }
  }

  private func note(_ reports: [DeliveryReport]) {
    let (end, acknowledged) = state.advance { plan in
      var acknowledged: [(position: UInt64, report: DeliveryReport)] = []
      acknowledged.reserveCapacity(reports.count)
      for report in reports {
        let position = plan.note(
          report.outcome, of: report.sequenceNumber, in: report.partition)
        if let position { acknowledged.append((position, report)) }
      }
      return (plan.flowed, acknowledged)
    }
    state.countRefusals(reports)
    state.note(acknowledged, at: .now())
    reported.advance(to: life.reported)
    while acknowledgedSends < sends.count {
      let first = sends[acknowledgedSends]
      guard first.through <= end else { break }
      let time = (ContinuousClock.now - first.at).nanoseconds
      if let span = spans[first.through] {
        // For the backend's exemplars.
        ServiceContext.withValue(span.context) { sendSeconds.recordNanoseconds(time) }
      } else {
        sendSeconds.recordNanoseconds(time)
      }
      acknowledgedSends += 1
    }
    if acknowledgedSends > 512, acknowledgedSends * 2 > sends.count {
      sends.removeFirst(acknowledgedSends)
      acknowledgedSends = 0
    }
    if !spans.isEmpty {
      for report in reports { spans.removeValue(forKey: report.sequenceNumber)?.end() }
    }
  }
}
