import Eventually
import Logging

/// The shell around ``PartitionProgress``: polls, claims, fetches what is missing, and puts deliveries together.
/// It runs on a thread of its own, which it blocks while it waits for records.
actor Consumption<Codec: EventCodec> {
  typealias Event = Codec.Event

  private let executor = BlockingExecutor(label: "kafka.subscription")
  private let configuration: KafkaConfiguration
  private let storeID: String
  private let codec: Codec
  private let checkpoints: any PartitionCheckpointStore
  private let options: KafkaSubscription<Codec>.Options
  private let logger: Logger
  private let feed: FeedReader
  nonisolated let status = Locked(SubscriptionStatus())

  private var client: ConsumerClient?
  private var progress: [Partition: PartitionProgress] = [:]
  /// When an abandoned partition takes a new lease.
  private var reclaims: [Partition: ContinuousClock.Instant] = [:]
  /// Partitions at whose end the consumer is, and where they were when the store's head was last heard of.
  private var atEnd: [Partition: UInt64?] = [:]
  private var heads: [UInt64] = []
  /// Partitions that must be consumed from their `nextOffset` anew.
  private var repositions = false
  private var commits: [Partition: Int64] = [:]
  private var nextCommit = ContinuousClock.now
  private var portion = Portion<Event>()

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(
    _ configuration: KafkaConfiguration, storeID: String, codec: Codec,
    checkpoints: any PartitionCheckpointStore, feed: any EventFeed,
    options: KafkaSubscription<Codec>.Options, logger: Logger
  ) {
    self.configuration = configuration
    self.storeID = storeID
    self.codec = codec
    self.checkpoints = checkpoints
    self.options = options
    self.logger = logger
    self.feed = FeedReader(feed, pageSize: options.batchSize, headInterval: options.headInterval)
  }

  /// Joins the group, after leaving it where an earlier run ended by a failure.
  func start() throws {
    stop()
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
        KafkaSetting("queued.max.messages.kbytes", "8192"),
      ], logger: logger)
    try client.subscribe()
    self.client = client
    feed.onNews { [weak client] in client?.wake() }
  }

  /// Leaves the group.
  func stop() {
    feed.cancel()
    commitNow()
    dropAll()
    // The client leaves the group when it is freed.
    client = nil
    status.withLock { $0.isAssigned = false }
  }

  /// The next portion of deliveries.
  func next() async throws -> [Delivery<Event>]? {
    while !Task.isCancelled, let client {
      takeFromFeed()
      try await reclaimWhereDue(client)
      commitWhereDue()
      if let deliveries = portion.take() {
        status.withLock { $0.failure = nil }
        publishStatus()
        return deliveries
      }
      // After the delivery: what the feed brought is of use also while the broker is away.
      if repositions { try reposition(client) }
      feed.askForHeads()
      let change = try poll(client)
      publishStatus()
      if let change { try await handle(change, client) }
    }
    return nil
  }

  // MARK: - Consuming

  private func poll(_ client: ConsumerClient) throws -> AssignmentChange? {
    do {
      var change = try client.poll(timeout: 100, limit: options.batchSize) { receive($0) }
      let deadline = ContinuousClock.now + options.linger
      while change == nil, (1..<options.batchSize).contains(portion.count),
        ContinuousClock.now < deadline
      {
        change = try client.poll(timeout: 1, limit: options.batchSize - portion.count) {
          receive($0)
        }
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

  private func receive(_ message: borrowing WireMessage) {
    let partition = message.partition
    guard var state = progress[partition] else { return }
    defer { progress[partition] = state }
    if message.isEndOfPartition {
      if atEnd[partition] == nil { atEnd[partition] = .some(nil) }
      return
    }
    if message.isOffsetMissing {
      // The broker no longer holds the offset, or not yet: begin with what it has.
      repositions = true
      return
    }
    if let error = message.error {
      status.withLock { $0.failure = error.description }
      return
    }
    atEnd[partition] = nil
    guard message.comes(from: storeID), let position = message.position else {
      state.passForeign(offset: message.offset)
      noteForeign(message)
      return
    }
    switch state.receive(position.partitionSequence, offset: message.offset) {
    case .accept:
      do {
        let entry = try message.entry(at: position, decodedBy: codec)
        portion.add(entry, state)
      } catch {
        logger.warning(
          "a record can't be decoded; fetching its event from the feed",
          metadata: [
            "partition": "\(partition)", "position": "\(position.partitionSequence)",
            "offset": "\(message.offset)", "error": "\(error)",
          ])
        feed.fetch(partition, state.reject(offset: message.offset))
      }
    case .duplicate:
      status.withLock { $0.duplicates += 1 }
    case .gap(let missing):
      logger.info(
        "records are missing; fetching them from the feed",
        metadata: ["partition": "\(partition)", "missing": "\(missing)"])
      feed.fetch(partition, missing)
    case .ignore:
      break
    }
  }

  private func noteForeign(_ message: borrowing WireMessage) {
    let count = status.withLock { status in
      status.foreignRecords += 1
      return status.foreignRecords
    }
    // The first ones are told one by one, and then ever fewer.
    guard count <= 10 || count % 10_000 == 0 else { return }
    logger.warning(
      "a record is not of this store and is not applied",
      metadata: [
        "partition": "\(message.partition)", "offset": "\(message.offset)",
        "source": "\(message.source ?? "none")", "so far": "\(count)",
      ])
  }

  // MARK: - Repair

  /// Takes in what the feed has brought, and asks it for more.
  private func takeFromFeed() {
    for answer in feed.takeAnswers() {
      switch answer {
      case .heads(let heads):
        self.heads = heads
        catchUpWhereBehind()
      case .records(let partition, let records):
        takeRepair(partition, records)
      }
    }
  }

  private func takeRepair(_ partition: Partition, _ records: [EventRecord]) {
    guard var state = progress[partition], state.missing != nil else { return }
    defer { progress[partition] = state }
    var pause = Duration.zero
    for record in records where state.repair(record.position.partitionSequence) {
      do {
        portion.add(try record.entry(decodedBy: codec), state)
        status.withLock { $0.eventsFromFeed += 1 }
      } catch {
        // Neither the bus nor the store has the event in a form that this code can read: stand still
        // before it, and look again after a while.
        _ = state.reject(offset: state.nextOffset - 1)
        feed.fail(partition, error.description)
        pause = .seconds(5)
        break
      }
    }
    if let missing = state.missing {
      feed.fetch(partition, missing, after: pause)
    } else {
      status.withLock { $0.gapsRepaired += 1 }
      repositions = true
    }
  }

  /// Fetches from the feed what the broker does not have: for partitions that were at their end already when
  /// the head was heard of before, and have not moved since.
  private func catchUpWhereBehind() {
    for (partition, positionThen) in atEnd {
      guard var state = progress[partition], Int(partition) < heads.count else { continue }
      if let positionThen, positionThen == state.position ?? 0,
        let missing = state.fallBehind(head: heads[Int(partition)])
      {
        progress[partition] = state
        logger.info(
          "the broker lacks the newest events; fetching them from the feed",
          metadata: ["partition": "\(partition)", "missing": "\(missing)"])
        feed.fetch(partition, missing)
      }
      atEnd[partition] = .some(state.position ?? 0)
    }
  }

  // MARK: - Hand-over

  private func handle(_ change: AssignmentChange, _ client: ConsumerClient) async throws {
    status.withLock { $0.rebalances += 1 }
    switch change {
    case .assigned(let partitions):
      logger.info("assigned", metadata: ["partitions": "\(partitions.sorted())"])
      dropAll()
      try await claim(partitions, client)
      try assignAll(client)
      status.withLock { $0.isAssigned = true }
    case .revoked(let partitions, let isLost):
      logger.info(
        isLost ? "lost" : "revoked", metadata: ["partitions": "\(partitions.sorted())"])
      if !isLost { commitNow() }
      dropAll()
      try client.unassign()
      status.withLock { $0.isAssigned = false }
    }
    publishStatus()
  }

  /// Takes leases and finds out where to begin.
  private func claim(_ partitions: [Partition], _ client: ConsumerClient) async throws {
    guard !partitions.isEmpty else { return }
    for lease in try await checkpoints.claim(partitions, owner: options.owner) {
      let held = try client.watermarks(of: lease.partition)
      progress[lease.partition] = PartitionProgress(
        lease: lease, startOffset: Self.start(lease.offsetHint, held: held))
    }
  }

  /// The hint, where the broker holds it; else the first offset that it holds. Either may be wrong: what comes
  /// from there is judged by its partition sequence.
  private static func start(_ hint: Int64?, held: Range<Int64>) -> Int64 {
    guard let hint, hint >= held.lowerBound, hint <= held.upperBound else {
      return held.lowerBound
    }
    return hint
  }

  private func assignAll(_ client: ConsumerClient) throws {
    repositions = false
    atEnd.removeAll()
    try client.assign(
      progress.values.map {
        StartOffset(partition: $0.lease.partition, offset: $0.nextOffset)
      })
  }

  /// Consumes all partitions from where each has to go on. Offsets that the broker does not hold are moved
  /// to the first that it does. While the broker does not answer, it is asked again with the next portion.
  private func reposition(_ client: ConsumerClient) throws {
    do {
      for (partition, state) in progress {
        let held = try client.watermarks(of: partition)
        if state.nextOffset < held.lowerBound || state.nextOffset > held.upperBound {
          progress[partition]?.restart(at: held.lowerBound)
        }
      }
    } catch {
      guard error.isRetriable else { throw error }
      status.withLock { $0.failure = error.description }
      return
    }
    try assignAll(client)
  }

  /// Forgets all partitions, and what of them has not been delivered.
  private func dropAll() {
    feed.cancelFetches()
    progress.removeAll()
    reclaims.removeAll()
    atEnd.removeAll()
    commits.removeAll()
    portion = Portion()
    repositions = false
  }

  func abandon(_ leases: [PartitionLease]) {
    for lease in leases {
      guard var state = progress[lease.partition], state.lease.epoch == lease.epoch else {
        continue
      }
      state.abandon()
      progress[lease.partition] = state
      portion.drop(lease.partition)
      commits[lease.partition] = nil
      // Long enough for the group to say who has the partition now; unlike for two that compete.
      reclaims[lease.partition] = .now + .milliseconds(Int.random(in: 1000...3000))
      status.withLock { $0.fencings += 1 }
      logger.warning(
        "another worker took the partition over",
        metadata: ["partition": "\(lease.partition)", "epoch": "\(lease.epoch)"])
    }
  }

  /// Takes new leases for partitions that were overtaken and that the group still gives to this worker.
  private func reclaimWhereDue(_ client: ConsumerClient) async throws {
    let now = ContinuousClock.now
    let due = reclaims.filter { $0.value <= now }.map(\.key)
    guard !due.isEmpty else { return }
    for partition in due { reclaims[partition] = nil }
    try await claim(due, client)
    repositions = true
  }

  // MARK: - Telling others

  func note(_ deliveries: [Delivery<Event>]) {
    for delivery in deliveries {
      guard let state = progress[delivery.partition], state.lease.epoch == delivery.epoch,
        let offset = delivery.nextOffset
      else { continue }
      commits[delivery.partition] = offset
    }
  }

  private func commitWhereDue() {
    let now = ContinuousClock.now
    guard now >= nextCommit else { return }
    nextCommit = now + .seconds(1)
    commitNow()
  }

  /// The broker's copy of the offsets is for people and their tools; that it could not be updated changes
  /// nothing here.
  private func commitNow() {
    guard !commits.isEmpty, let client else { return }
    let offsets = commits.map { StartOffset(partition: $0.key, offset: $0.value) }
    commits.removeAll()
    do {
      try client.commit(offsets)
    } catch {
      logger.info("offsets could not be committed", metadata: ["error": "\(error)"])
    }
  }

  private func publishStatus() {
    let failures = feed.failures
    status.withLock { status in
      status.feedFailure = failures.feed
      status.partitions = progress.mapValues { state in
        let partition = state.lease.partition
        let phase: SubscriptionStatus.Assigned.Phase =
          switch state.phase {
          case .consuming: .consuming
          case .repairing(let through, _): .repairing(state.expected...through)
          case .abandoned: .abandoned
          }
        return SubscriptionStatus.Assigned(
          epoch: state.lease.epoch, position: state.position,
          storeHead: Int(partition) < heads.count ? heads[Int(partition)] : nil, phase: phase,
          failure: failures.partitions[partition])
      }
    }
  }
}
