import Eventually
import Logging

/// Connects, looks at the topic, and reads its end: calls that block, on a thread of their own.
actor PublisherPreparation {
  private let executor = BlockingExecutor(label: "kafka.publisher.start")
  private let configuration: KafkaConfiguration
  private let logger: Logger
  private let heartbeat: Heartbeat
  private var tail: TailReader?

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(_ configuration: KafkaConfiguration, heartbeats: Heartbeats, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
    // One call to the broker may take as long as its time limit.
    heartbeat = heartbeats.loop("relay.connect", factor: 2)
  }

  /// Connects, and sees to it that there is the topic with so many partitions.
  func connect(partitions: Partition) throws -> ProducerClient {
    heartbeat.beat()
    defer { heartbeat.idle() }
    let producer = try ProducerClient(configuration, logger: logger)
    try ensureTopic(producer, partitions: partitions)
    return producer
  }

  /// Where each partition of the topic begins and ends. The first call makes the reader.
  func offsets(
    storeID: String, partitions: Partition, limits: TailLimits
  ) throws -> [Range<Int64>] {
    heartbeat.beat()
    defer { heartbeat.idle() }
    let reader = try TailReader(
      configuration, storeID: storeID, partitions: partitions, limits: limits, logger: logger)
    tail = reader
    return try reader.offsets(partitions: partitions)
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
  private func partitionCount(_ producer: ProducerClient) throws -> Partition {
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

  private func ensureTopic(_ producer: ProducerClient, partitions: Partition) throws {
    var count = try partitionCount(producer)
    if count == 0 {
      do {
        try producer.createTopic(partitions: partitions)
      } catch {
        if error.isRetriable { throw error }
        throw TopicError.notCreated(
          topic: configuration.topic, partitions: partitions, cause: error)
      }
      logger.info(
        "created the topic",
        metadata: ["topic": "\(configuration.topic)", "partitions": "\(partitions)"])
      count = try partitionCount(producer)
      // Brokers may take a moment to know of a new topic; the caller tries again.
      if count == 0 {
        throw KafkaError(
          code: 0, message: "it is not known to the brokers yet", isRetriable: true,
          operation: "look for the topic '\(configuration.topic)'")
      }
    }
    guard count == partitions else {
      throw TopicError.partitionCount(
        topic: configuration.topic, actual: count, expected: partitions)
    }
  }
}
