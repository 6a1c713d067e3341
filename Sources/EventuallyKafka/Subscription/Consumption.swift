import Eventually
import Logging
import Tracing

/// The shell around ``Assignment``: polls, claims, fetches what is missing, and puts deliveries together.
/// It runs on a thread of its own, which it blocks while it waits for records.
actor Consumption<Codec: EventCodec> {
  typealias Event = Codec.Event

  private let executor = BlockingExecutor(label: "kafka.subscription")
  private let configuration: KafkaConfiguration
  private var source: EventSource
  private let codec: Codec
  /// Of the generation that the leases were taken in.
  var decoder: EntryDecoder<Codec>
  let checkpoints: any PartitionCheckpointStore
  let options: KafkaSubscription<Codec>.Options
  let logger: Logger
  let feed: FeedReader
  private let heartbeat: Heartbeat
  nonisolated let status = Locked(SubscriptionStatus())

  private(set) var client: ConsumerClient?
  private var watch: BrokerWatch?
  /// Reports the lag, but for a fixed range, which has an end of its own.
  private(set) var lag: LagReporter?
  var assignment = Assignment()
  var batch = Batch<Event>()
  /// Records that are not applied, on their way to where they are kept.
  var foreign: [RejectedRecord] = []
  /// The records that made gaps known, as they are kept where they turn out not to be the store's.
  var witnesses: [Partition: RejectedRecord] = [:]
  var forgeries = ForgeryWatch()
  /// Forgeries that were found, on their way to where they are noted.
  var forged: [ForgeryWatch.Forgery] = []
  /// The last event of some partition is to be held against the store's.
  var isRoutineCheckDue = false
  private var nextCommit = ContinuousClock.now
  /// For how long the worker has waited for records that the assignment was not told of.
  private var waited = Duration.zero
  /// The spans of events that have come and not been delivered yet.
  private var spans: [any Span] = []
  let metrics: SubscriptionMetrics
  /// All leases are to be taken anew.
  var isRenewalDue = false
  /// What was delivered, and what is heard of it.
  nonisolated let batches = DeliveredBatches()

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(
    _ configuration: KafkaConfiguration, source: EventSource, codec: Codec,
    checkpoints: any PartitionCheckpointStore, feed: any EventFeed,
    options: KafkaSubscription<Codec>.Options, logger: Logger
  ) {
    self.configuration = configuration
    self.source = source
    self.codec = codec
    decoder = EntryDecoder(codec, journal: nil)
    self.checkpoints = checkpoints
    self.options = options
    self.logger = logger
    metrics = SubscriptionMetrics(group: options.group)
    self.feed = FeedReader(feed, options)
    heartbeat = options.heartbeats.loop("subscription.consume")
  }

  /// Joins the group, after leaving it where an earlier run ended by a failure.
  func start() async throws {
    await stop()
    let client = try ConsumerClient(
      configuration, group: options.group,
      settings: [
        KafkaSetting("client.id", options.owner),
        // Eager hand-over: closing a cooperative consumer can hang or crash before librdkafka 2.4.
        KafkaSetting("partition.assignment.strategy", "range"),
        KafkaSetting("session.timeout.ms", "6000"),
        KafkaSetting("heartbeat.interval.ms", "1500"),
        KafkaSetting("fetch.wait.max.ms", "10"),
        // A worker may be there before its topic is.
        KafkaSetting("topic.metadata.refresh.interval.ms", "5000"),
        // A full queue of this many records would put the fetcher to sleep for up to a second; the limit
        // in bytes below holds instead.
        KafkaSetting("queued.min.messages", "1000000"),
        // Of keys and values alone: with headers, and what librdkafka keeps of each record, it is about eight times as much.
        KafkaSetting("queued.max.messages.kbytes", "2048"),
        // What one answer of a broker may add to that, for all partitions together. A larger record comes alone.
        KafkaSetting("fetch.max.bytes", "1048576"),
      ], logger: logger)
    self.client = client
    if let range = options.range {
      try await claim(range.partitions)
      try client.assign(assignment.takeRepositions())
      status.withLock { $0.isAssigned = true }
    } else {
      try client.subscribe()
    }
    feed.onNews { [weak client] in client?.wake() }
    watch = BrokerWatch(
      client,
      partitions: { [weak self] in self?.status.withLock { Array($0.partitions.keys) } ?? [] },
      status: { [weak self] broker in self?.status.withLock { $0.broker = broker } })
    if options.range == nil {
      lag = LagReporter(
        LagGauges(readModel: options.readModel ?? options.group) { [weak self] in
          self?.status.withLock { $0 }
        })
    }
  }

  /// Leaves the group.
  func stop() async {
    feed.cancel()
    let client = self.client
    let watch = self.watch
    takeNews()
    if let client { commitNow(client) }
    self.client = nil
    self.watch = nil
    lag = nil
    dropAll()
    status.withLock {
      $0.isAssigned = false
      $0.partitions = [:]
    }
    batches.forget()
    await watch?.stop()
    heartbeat.idle()
    // The client leaves the group when it is freed, which is here: nobody else has it any more.
    withExtendedLifetime(client) {}
  }

  /// The next batch of deliveries.
  func next() async throws -> [Delivery<Event>]? {
    // The next call comes when this batch has been taken, which waits for the one before it to be applied.
    defer { heartbeat.idle() }
    while !Task.isCancelled, let client {
      heartbeat.beat()
      takeNews()
      try await takeFromFeed()
      try await renewWhereAsked()
      try await reclaimWhereDue()
      try await keepForged()
      try await keepRejected()
      commitWhereDue(client)
      if isBatchDue, let deliveries = batch.take() {
        status.withLock { $0.failure = nil }
        publishStatus()
        batches.deliver()
        endSpans()
        return deliveries
      }
      if isThrough { return nil }
      // After the delivery: what the feed brought is of use also while the broker is away.
      try reposition(client)
      askTheStore()
      let change = try poll(client)
      publishStatus()
      if let change { try await handle(change, client) }
    }
    return nil
  }

  // MARK: - Consuming

  private func poll(_ client: ConsumerClient) throws -> AssignmentChange? {
    let begin = ContinuousClock.now
    defer { noteWait(.now - begin) }
    do {
      // Each record's headers are taken apart when it is polled: not of a whole batch at once.
      let space = min(options.batchSize - batch.count, 1_000)
      var change = try client.poll(timeout: batch.count == 0 ? 5 : 1, limit: space) {
        receive($0)
      }
      if change == nil, batch.count == 0 {
        if brokerHasMore { watch?.ask() }
        change = try client.poll(timeout: 95, limit: space) { receive($0) }
      }
      return change
    } catch {
      status.withLock { $0.failure = error.description }
      // librdkafka goes on by itself after all but fatal errors.
      if error.isFatal { throw error }
      logger.debug("the consumer reports an error", metadata: ["error": "\(error)"])
      return nil
    }
  }

  private func noteWait(_ time: Duration) {
    waited += time
    guard waited >= .milliseconds(100) else { return }
    assignment.wait(waited, brokerEnds: status.withLock { $0.broker.ends })
    waited = .zero
  }

  /// While another batch is being applied there is no hurry to end one that is not full: transactions get larger with
  /// the load by themselves.
  private var isBatchDue: Bool { batch.count >= options.batchSize || !batches.isOut }

  /// Whether everything of a fixed range has been delivered, and nothing is left to be.
  private var isThrough: Bool {
    guard let range = options.range, batch.count == 0 else { return false }
    return range.partitions.allSatisfy { partition in
      let position = assignment.partitions[partition]?.position ?? 0
      return position >= range.through[Int(partition)]
    }
  }

  /// Adds an entry that its partition's progress has let through, unless it is behind a fixed range.
  func add(_ entry: LogEntry<String, Event>, in partition: Partition) {
    guard let progress = assignment.partitions[partition],
      options.range?.contains(partition, entry.position.partitionOffset) ?? true
    else { return }
    batch.add(entry, progress)
    if case .event(let persisted) = entry, let parent = persisted.metadata.traceParent,
      TraceContext.isActive
    {
      let span = startSpan(
        SpanName.consume, context: TraceContext.context(parent), ofKind: .consumer)
      span.attributes["eventually.sequence_number"] = Int64(persisted.sequenceNumber)
      spans.append(span)
    }
  }

  /// What had come is on its way, or is not of interest any more.
  func endSpans() {
    for span in spans { span.end() }
    spans.removeAll()
  }

  /// Whether the broker was said to hold more of some partition than was consumed.
  private var brokerHasMore: Bool {
    status.withLock { $0.broker.ends }.contains { partition, end in
      guard let progress = assignment.partitions[partition] else { return false }
      return progress.phase == .consuming && progress.nextOffset < end
    }
  }

  private func receive(_ message: borrowing WireMessage) {
    let partition = message.partition
    guard assignment.has(partition) else { return }
    if message.isEndOfPartition {
      assignment.reachEnd(partition, offset: message.offset)
      return
    }
    if let error = message.error {
      assignment.fail(partition, error.description)
      status.withLock { $0.failure = error.description }
      return
    }
    let position: EventPosition
    switch source.judge(message) {
    case .foreign(let reason):
      if assignment.passRejected(partition, offset: message.offset) {
        note(message.rejectedRecord(reason))
      }
      return
    case .event(let found): position = found
    }
    switch assignment.receive(partition, position.partitionOffset, offset: message.offset) {
    case .accept: take(message, at: position)
    case .duplicate: takeRepeated(message, at: position)
    case .gap(let missing):
      witnesses[partition] = message.rejectedRecord("")
      logger.info(
        "records are missing; fetching them from the feed",
        metadata: ["partition": "\(partition)", "missing": "\(missing)"])
      feed.fetch(partition, missing)
    case .ignore: break
    }
  }

  /// Takes a record in that is the next of its partition.
  private func take(_ message: borrowing WireMessage, at position: EventPosition) {
    let partition = message.partition
    if message.isPlaceholder {
      // It stands for an event that the broker refuses: the store has it.
      takeFromStore(message)
      return
    }
    if decoder.begin(partition, position.partitionOffset) == nil {
      defer { decoder.end(partition) }
      do {
        let entry = try message.entry(at: position, decodedBy: codec)
        add(entry, in: partition)
        forgeries.accept(
          partition, position.partitionOffset, id: entry.eventID ?? message.eventID)
        return
      } catch {
        // The store's record decides, as for what must not be decoded.
        note(message.rejectedRecord("it can't be decoded: \(error)"))
      }
    }
    takeFromStore(message)
  }

  /// Has the event fetched that a record stands for, which is the next of its partition.
  private func takeFromStore(_ message: borrowing WireMessage) {
    let partition = message.partition
    if let missing = assignment.reject(partition, offset: message.offset) {
      witnesses[partition] = message.rejectedRecord("")
      feed.fetch(partition, missing)
    }
  }

  // MARK: - Telling others

  /// The decoder's notes belong to the generation in which leases were taken.
  func renewDecoder() {
    decoder = EntryDecoder(codec, journal: checkpoints.crashJournal)
  }

  /// Takes in what is heard of the batches that were delivered.
  func takeNews() {
    let news = batches.takeNews()
    for applied in news.applied {
      assignment.note(
        applied.partition, epoch: applied.epoch, position: applied.position,
        nextOffset: applied.nextOffset, time: applied.time)
    }
    release(news.fenced)
    if news.isRenewalAsked { isRenewalDue = true }
  }

  /// Waits until everything that was delivered has been applied, or refused.
  func settle() async {
    heartbeat.idle()
    await batches.allSettled()
    heartbeat.beat()
    takeNews()
  }

  private func commitWhereDue(_ client: ConsumerClient) {
    let now = ContinuousClock.now
    guard now >= nextCommit else { return }
    nextCommit = now + .seconds(1)
    commitNow(client)
  }

  /// The broker's copy of the offsets is for people and their tools; that it could not be updated changes
  /// nothing here.
  func commitNow(_ client: ConsumerClient) {
    let offsets = assignment.takeCommits()
    guard !offsets.isEmpty, options.range == nil else { return }
    do {
      try client.commit(offsets)
    } catch {
      logger.info("offsets could not be committed", metadata: ["error": "\(error)"])
    }
  }

  func publishStatus() {
    let feedState = feed.state
    status.withLock { status in
      status.feedFailure = feedState.failure
      status.headsHeard = feedState.headsHeard
      status.partitions = assignment.partitions.mapValues { state in
        let partition = state.lease.partition
        let phase: SubscriptionStatus.Assigned.Phase =
          switch state.phase {
          case .consuming: .consuming
          case .repairing(let through, _, _): .repairing(state.expected...through)
          case .fenced: .fenced
          case .forged(let position): .forged(at: position)
          }
        return SubscriptionStatus.Assigned(
          epoch: state.lease.epoch, position: assignment.appliedPosition(partition),
          appliedTime: assignment.appliedTime(partition),
          nextOffset: assignment.appliedOffset(partition),
          storeHead: Int(partition) < assignment.heads.count
            ? assignment.heads[Int(partition)] : nil,
          isStoreBehind: assignment.isStoreBehind(partition), phase: phase,
          failure: feedState.partitions[partition], stall: state.stall)
      }
    }
  }
}
