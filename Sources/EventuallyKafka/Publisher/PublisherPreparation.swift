import CKafkaShim
import Eventually
import Logging

/// Connects, looks at the topic, and reads its end: calls that block, on a thread of their own.
actor PublisherPreparation {
  private let executor = BlockingExecutor(label: "kafka.publisher.start")
  private let configuration: KafkaConfiguration
  private let logger: Logger
  private let heartbeat: Heartbeat
  private let recordTimeout: Duration?
  private var tail: TailReader?

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(
    _ configuration: KafkaConfiguration, recordTimeout: Duration? = nil, heartbeats: Heartbeats,
    logger: Logger
  ) {
    self.configuration = configuration
    self.recordTimeout = recordTimeout
    self.logger = logger
    // One call to the broker may take as long as its time limit.
    heartbeat = heartbeats.loop("relay.connect", factor: 2)
  }

  /// Connects, and sees to it that there is the topic with so many partitions.
  func connect(partitions: Partition) async throws -> ProducerClient {
    heartbeat.beat()
    defer { heartbeat.idle() }
    let producer = try ProducerClient(
      configuration, recordTimeout: recordTimeout, logger: logger)
    try await ensureTopic(producer, partitions: partitions)
    return producer
  }

  /// Where each partition of the topic begins and ends. The first call makes the reader.
  func offsets(
    storeID: String, partitions: Partition, limits: TailLimits
  ) async throws -> [Range<Int64>] {
    heartbeat.beat()
    defer { heartbeat.idle() }
    let reader = try TailReader(
      configuration, storeID: storeID, partitions: partitions, limits: limits, logger: logger)
    tail = reader
    // Brokers say that a new partition has a leader a moment before that one knows it.
    var deadline: ContinuousClock.Instant?
    while true {
      do throws(KafkaError) {
        return try reader.offsets(partitions: partitions)
      } catch {
        let now = ContinuousClock.now
        let end = deadline ?? now + .seconds(5)
        deadline = end
        guard error.code == CKS_NOT_LEADER, now < end else { throw error }
      }
      try await Task.sleep(for: .milliseconds(100))
      heartbeat.beat()
    }
  }

  /// Reads windows of the topic's end.
  func read(_ windows: [Partition: Range<Int64>]) throws -> TailReader.Window {
    guard let tail else { preconditionFailure("the offsets are asked for first") }
    defer { heartbeat.idle() }
    return try tail.read(windows) { heartbeat.beat() }
  }

  /// Frees what was needed to prepare.
  func end() {
    tail = nil
    heartbeat.ended()
  }

  /// Asks several times for a second instead of once for long, so that a cancelled task does not wait for a
  /// broker that is away.
  private func partitionCount(
    _ producer: ProducerClient
  ) throws -> (count: Partition, leaderless: Partition) {
    for _ in 0..<9 {
      heartbeat.beat()
      do {
        return try producer.partitionCount(timeout: 1000)
      } catch {
        try Task.checkCancellation()
        if !error.isRetriable { throw error }
      }
    }
    return try producer.partitionCount(timeout: 1000)
  }

  private func ensureTopic(_ producer: ProducerClient, partitions: Partition) async throws {
    var count = try partitionCount(producer).count
    if count == 0 {
      try await createTopic(producer, partitions: partitions)
      logger.info(
        "created the topic",
        metadata: ["topic": "\(configuration.topic)", "partitions": "\(partitions)"])
      count = try await created(producer, partitions: partitions)
    }
    guard count == partitions else {
      throw TopicError.partitionCount(
        topic: configuration.topic, actual: count, expected: partitions)
    }
  }

  /// In short steps, between which it can be told to stop: brokers may not answer at all.
  private func createTopic(_ producer: ProducerClient, partitions: Partition) async throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while true {
      heartbeat.beat()
      do throws(KafkaError) {
        return try producer.createTopic(partitions: partitions, timeout: 1_000)
      } catch {
        guard error.isRetriable else {
          throw TopicError.notCreated(
            topic: configuration.topic, partitions: partitions, cause: error)
        }
        guard ContinuousClock.now < deadline else { throw error }
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// Waits until the brokers know the new topic and each of its partitions has a leader, for ten seconds at most; then
  /// the caller tries again.
  private func created(
    _ producer: ProducerClient, partitions: Partition
  ) async throws -> Partition {
    let deadline = ContinuousClock.now + .seconds(10)
    while true {
      let (count, leaderless) = try partitionCount(producer)
      // Somebody else may have created it at the same time, with another count.
      if count > 0, leaderless == 0 { return count }
      guard ContinuousClock.now < deadline else {
        throw KafkaError(
          code: 0,
          message: count == 0
            ? "it is not known to the brokers yet"
            : "\(leaderless) of its \(count) partitions have no leader yet",
          isRetriable: true, operation: "look for the topic '\(configuration.topic)'")
      }
      try await Task.sleep(for: .milliseconds(200))
      heartbeat.beat()
    }
  }
}
