import Eventually
import Logging
import Tracing

/// The shell around ``Assignment``: polls, claims, fetches what is missing, and puts deliveries together.
/// It runs on a thread of its own, which it blocks while it waits for records.
actor Consumption<Codec: EventCodec> {
  typealias Event = Codec.Event

  private let executor = BlockingExecutor(label: "kafka.subscription")
  private let configuration: KafkaConfiguration
  private(set) var source: EventSource
  let codec: Codec
  /// Of the generation that the leases were taken in.
  var decoder: EntryDecoder<Codec>
  let checkpoints: any PartitionCheckpointStore
  let options: KafkaSubscription<Codec>.Options
  let logger: Logger
  private var notedFeedFailure: String?
  let feed: FeedReader
  let heartbeat: Heartbeat
  nonisolated let status = Locked(SubscriptionStatus())

  private(set) var client: ConsumerClient?
  private var watch: BrokerWatch?
  /// Reports the lag, but for a fixed range, which has an end of its own.
  private(set) var lag: LagReporter?
  var assignment = Assignment()
  var batch = Batch<Event>()
  /// Records that are not applied, on their way to where they are kept.
  var rejected: [RejectedRecord] = []
  /// The records that made gaps known, as they are kept where they turn out not to be the store's.
  var evidence: [Partition: RejectedRecord] = [:]
  var forgeries = ForgeryWatch()
  /// Forgeries that were found, on their way to where they are noted.
  var forged: [ForgeryWatch.Forgery] = []
  /// The last event of some partition is to be held against the store's.
  var isRoutineCheckDue = false
  /// Records that came since they were counted last.
  private var polled = 0
  /// The spans of events that have come and not been delivered yet.
  private var spans: [any Span] = []
  nonisolated let endpoint: MessagingEndpoint
  let metrics: SubscriptionMetrics
  /// What was delivered, and what becomes of it.
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
    endpoint = .kafka(configuration.topic, group: options.group)
    metrics = SubscriptionMetrics(endpoint)
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
        // Eager rebalancing: closing a cooperative consumer can hang or crash before librdkafka 2.4.
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
      try await perform(assignment.assign(range.partitions))
    } else {
      try client.subscribe()
    }
    feed.onAnswer { [weak client] in client?.wake() }
    batches.onCompletion { [weak client] in client?.wake() }
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
    drainUpdates()
    perform(assignment.commits())
    self.client = nil
    self.watch = nil
    lag = nil
    forgetAssignment()
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
      drainUpdates()
      try await takeFromFeed()
      // Before anything behind it is committed.
      try await keepForged()
      try await keepRejected()
      try await perform(assignment.tick(.now))
      if isBatchDue, let deliveries = batch.take() {
        status.withLock { $0.failure = nil }
        publishStatus()
        batches.deliver()
        endSpans()
        return deliveries
      }
      if isThrough { return nil }
      // After the delivery: what the feed brought is of use also while the broker is away.
      try await perform(assignment.beforePoll())
      askTheStore()
      let change = try poll(client)
      publishStatus()
      if let change { try await handle(change) }
    }
    return nil
  }

  // MARK: - Consuming

  private func poll(_ client: ConsumerClient) throws -> AssignmentChange? {
    let begin = ContinuousClock.now
    defer {
      if polled > 0 { metrics.consumed(polled) }
      polled = 0
      assignment.wait(.now - begin, brokerEnds: brokerEnds)
    }
    do {
      // Each record's headers are taken apart when it is polled: not of a whole batch at once.
      let space = min(options.batchSize - batch.count, 1_000)
      var change = try client.poll(timeout: batch.count == 0 ? 5 : 1, limit: space) {
        receive($0)
      }
      if change == nil, batch.count == 0 {
        if assignment.isBehind(brokerEnds) { watch?.ask() }
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

  private var brokerEnds: [Partition: Int64] { status.withLock { $0.broker.ends } }

  /// While another batch is being applied there is no hurry to end one that is not full: transactions get larger with
  /// the load by themselves.
  private var isBatchDue: Bool { batch.count >= options.batchSize || !batches.isOut }

  /// Whether everything of a fixed range has been delivered, and nothing is left to be.
  private var isThrough: Bool {
    guard let range = options.range, batch.count == 0 else { return false }
    return range.partitions.allSatisfy { partition in
      let position = assignment.progress(of: partition)?.position ?? 0
      return position >= range.through[Int(partition)]
    }
  }

  /// Adds an entry that its partition's progress has let through, unless it is behind a fixed range.
  func add(_ entry: LogEntry<String, Event>, in partition: Partition) {
    guard let progress = assignment.progress(of: partition),
      options.range?.contains(partition, entry.position.partitionOffset) ?? true
    else { return }
    batch.add(entry, progress)
    if case .event(let persisted) = entry, TraceContext.isRecorded(persisted.metadata),
      TraceContext.isActive
    {
      spans.append(
        endpoint.startSpan(
          SpanName.poll, type: "receive", persisted.position, of: persisted.streamID,
          persisted.id, persisted.metadata))
    }
  }

  /// What had come is on its way, or is not of interest any more.
  func endSpans() {
    for span in spans { span.end() }
    spans.removeAll()
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
    polled += 1
    let position: EventPosition
    switch source.classify(message) {
    case .rejected(let reason):
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
      evidence[partition] = message.rejectedRecord("")
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
          partition, position.partitionOffset, id: entry.eventID)
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
    evidence[partition] = message.rejectedRecord("")
    perform(assignment.reject(partition, offset: message.offset))
  }

  // MARK: - Telling others

  /// Tells once that the feed can't be read, and once that it can again: as long as the topic has all events, nothing else tells it.
  private func noteFeed(_ failure: String?) {
    guard (failure == nil) != (notedFeedFailure == nil) else { return }
    notedFeedFailure = failure
    if let failure {
      logger.warning(
        "the event feed can't be read: events that the topic lacks can't be fetched",
        metadata: ["error": "\(failure)"])
    } else {
      logger.notice("the event feed can be read again")
    }
  }

  func publishStatus() {
    let feedState = feed.state
    noteFeed(feedState.failure)
    status.withLock { status in
      status.feedFailure = feedState.failure
      status.headsHeard = feedState.headsHeard
      status.partitions = assignment.status(failures: feedState.partitions)
    }
  }
}
