import Eventually
import Logging

/// Publishes the partitions that do not flow, lot by lot, with producers of their own: what the broker refuses of one
/// partition is no hindrance to others.
actor SteppingRelay<Source: Outbox> {
  private let executor = BlockingExecutor(label: "kafka.publisher.lots")
  private let configuration: KafkaConfiguration
  private let source: Source
  private let term: RelayTerm
  private let state: RelayState
  private let logger: Logger
  private var batch: RecordBatch
  private var life: ProducerLife?
  /// The events of the lots that are with the producer.
  private var lots: [Partition: [EventRecord]] = [:]
  /// The error of each partition's last refusal.
  private var codes: [Partition: Int32] = [:]
  private var nextLook = ContinuousClock.now
  private var topicFailures = 0
  private var generator = SystemRandomNumberGenerator()
  /// After which pauses a record that holds its partition is tried again.
  private let retry: RetryPolicy
  /// About so many bytes are handed over at a time.
  private static var largestSend: Int { 8 << 20 }

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(
    _ configuration: KafkaConfiguration, source: Source, term: RelayTerm, batch: RecordBatch,
    state: RelayState, retry: RetryPolicy, logger: Logger
  ) {
    self.configuration = configuration
    self.source = source
    self.term = term
    self.batch = batch
    self.state = state
    self.retry = retry
    self.logger = logger
  }

  /// Works until the task is cancelled.
  /// - Throws: what the store or the client throws, but for refusals; ``RelayFenced``.
  func run(_ heartbeat: Heartbeat) async throws {
    defer { heartbeat.ended() }
    while true {
      try Task.checkCancellation()
      heartbeat.beat()
      let departures = state.departures.position
      guard state.plan({ !$0.apart.isEmpty }) else {
        life = nil
        heartbeat.idle()
        await state.departures.wait(past: departures)
        continue
      }
      try await lookForDecisions()
      try await beginLots()
      // What waits for the broker is seen by the stall.
      heartbeat.idle()
      try await send()
      heartbeat.beat()
      if let life, life.reported < life.handed || life.isAtEnd {
        note(life.reports(timeout: 20))
        if life.isAtEnd { try await end(life, heartbeat) }
        await Task.yield()
      } else {
        heartbeat.idle()
        let isHeld = state.plan { $0.held.count == $0.apart.count }
        try await Task.sleep(for: .milliseconds(isHeld ? 250 : 20))
      }
    }
  }

  /// Looks, every second, whether events that hold partitions are to be skipped: those are tried at once.
  private func lookForDecisions() async throws {
    guard ContinuousClock.now >= nextLook else { return }
    nextLook = .now + .seconds(1)
    for event in state.progress.refused where try await isSkipped(event.position) {
      state.plan { $0.hurry(event.position.partition) }
    }
  }

  private func isSkipped(_ position: EventPosition) async throws -> Bool {
    try await source.isSkipped(
      partition: position.partition, offset: position.partitionOffset)
  }

  // MARK: - Handing over

  private func beginLots() async throws {
    for (partition, lot) in state.plan({ $0.nextLots(.now) }) {
      let records = try await source.records(
        after: lot.after, limit: lot.limit, of: [partition])
      let positions = records.map(\.position)
      let missing = Set(
        state.advance { $0.begin(partition, positions) }.map(\.sequenceNumber))
      let handed = records.filter { missing.contains($0.position.sequenceNumber) }
      if let first = handed.first {
        lots[partition] = handed
        let isPlaceholder = lot.isHeld ? try await isSkipped(first.position) : false
        for record in handed { batch.append(record, asPlaceholder: isPlaceholder) }
      }
      tellHolds(partition)
      // The other partitions come next.
      if batch.size >= Self.largestSend { break }
    }
  }

  private func send() async throws {
    guard batch.count > 0 else { return }
    let life =
      try self.life
      ?? ProducerLife(
        ProducerClient(configuration, recordTimeout: term.length, logger: logger))
    self.life = life
    while batch.count > 0 {
      try Task.checkCancellation()
      try term.check()
      let taken = life.produce(batch) { note([$0]) }
      batch.dropFirst(taken)
      if batch.count == 0 || life.isAtEnd { break }
      // The producer's queue is full.
      note(life.reports(timeout: 10))
      if life.isAtEnd { break }
      await Task.yield()
    }
    if life.isAtEnd { takeBack() }
    batch.clear()
  }

  /// What is left in the batch was not handed over.
  private func takeBack() {
    note(
      (0..<batch.count).map { index in
        let (partition, sequence) = batch[index]
        return DeliveryReport(
          sequenceNumber: sequence, partition: partition, code: RefusalKind.returnedCode)
      })
  }

  // MARK: - What becomes of it

  private func note(_ reports: [DeliveryReport]) {
    guard !reports.isEmpty else { return state.tell() }
    state.countRefusals(reports)
    for report in reports {
      if RefusalKind(report.code).isOfRecords { codes[report.partition] = report.code }
      let isLast = state.advance { [retry] plan in
        plan.noteLot(
          report.outcome, of: report.sequenceNumber, in: report.partition, .now
        ) { refusals in
          var generator = SystemRandomNumberGenerator()
          return retry.pause(afterFailures: refusals, using: &generator)
        }
      }
      if report.code == 0 {
        topicFailures = 0
        let record = lots[report.partition]?.first {
          $0.position.sequenceNumber == report.sequenceNumber
        }
        if let record { state.note([(record.position.partitionOffset, report)], at: .now()) }
      }
      if isLast { tellHolds(report.partition) }
    }
  }

  /// Tells that a partition is held, or is not any more.
  private func tellHolds(_ partition: Partition) {
    let (isHeld, end) = state.plan {
      ($0.held.contains(partition), $0.partitions[Int(partition)].acknowledged.end)
    }
    guard isHeld else {
      if let event = state.release(partition) {
        logger.notice(
          "the broker has accepted the record that held a partition, or a placeholder for it",
          metadata: [
            "partition": "\(partition)", "partition offset": "\(event.position.partitionOffset)",
          ])
      }
      return
    }
    guard let code = codes[partition],
      let record = lots[partition]?.first(where: { $0.position.partitionOffset > end })
    else { return }
    let event = RefusedEvent(
      position: record.position, id: record.id, streamID: record.streamID, type: record.type,
      size: RecordLimit.size(of: record), reason: RefusalKind.words(code), since: .now())
    if state.hold(event) {
      TraceContext.within(record.metadata) {
        logger.error("the broker refuses a record", metadata: ["event": "\(event)"])
      }
    }
  }

  /// The producer is at its end.
  private func end(_ life: ProducerLife, _ heartbeat: Heartbeat) async throws {
    let end = try await life.end(note, beat: heartbeat.beat)
    self.life = nil
    switch end {
    case .refused: break
    case .failed(let error): throw error
    case .topic(let code):
      topicFailures += 1
      state.failTopic(
        "nothing may be written to the topic '\(configuration.topic)', which is tried again: "
          + RefusalKind.words(code))
      heartbeat.idle()
      try await Task.sleep(for: retry.pause(afterFailures: topicFailures, using: &generator))
    }
  }
}
