import CKafkaShim
import Eventually
import Logging

/// The outcome of one record.
struct DeliveryReport: Sendable {
  var sequenceNumber: UInt64
  var partition: Partition
  /// 0 where the broker has acknowledged the record.
  var code: Int32
  /// Where the topic has it; less than 0 where the broker did not tell.
  var offset: Int64 = -1
}

/// Owns a producer.
///
/// `@unchecked Sendable`: librdkafka's producer may be used from any thread; the one thing that the shim does
/// not share, the buffer of reports, is only touched by ``poll(timeout:)``, which the relay calls from its one
/// thread alone.
final class ProducerClient: @unchecked Sendable {
  let handle: OpaquePointer
  let log: ClientLog
  let configuration: KafkaConfiguration

  /// The largest record that is handed to a broker, in bytes: whether it takes one is its own matter.
  static let largestRecord = 20_000_000

  /// - Parameters:
  ///   - batchSize: at most so many bytes go into one batch, unless a single record has more.
  ///   - recordTimeout: after that a record is given up that was not acknowledged, and the producer is at its end; `nil` for never.
  init(
    _ configuration: KafkaConfiguration, batchSize: Int = 1_000_000,
    recordTimeout: Duration? = nil, logger: Logger
  ) throws(KafkaError) {
    var settings = try configuration.settings([
      KafkaSetting("client.id", "eventually-writer"),
      KafkaSetting("acks", "all"),
      KafkaSetting("enable.idempotence", "true"),
      // A record that the broker refuses is the producer's end: otherwise those behind it are sent again under new sequence
      // numbers, and fence it.
      KafkaSetting("enable.gapless.guarantee", "true"),
      // A record never times out: what follows it must not fence it.
      KafkaSetting("message.timeout.ms", "0"),
      KafkaSetting("linger.ms", "1"),
      KafkaSetting("queue.buffering.max.messages", "200000"),
      KafkaSetting("queue.buffering.max.kbytes", "32768"),
      KafkaSetting("reconnect.backoff.max.ms", "2000"),
      // The topic is created with the store's partition count, or not at all.
      KafkaSetting("allow.auto.create.topics", "false"),
      KafkaSetting("message.max.bytes", "\(Self.largestRecord)"),
      KafkaSetting("batch.size", "\(batchSize)"),
    ])
    if let recordTimeout {
      // Over what anybody has set: a process that was stopped must not go on with what it had.
      settings.append(
        KafkaSetting("message.timeout.ms", "\(recordTimeout.nanoseconds / 1_000_000)"))
    }
    let log = ClientLog(logger, of: settings)
    handle = try withShimSettings(settings) { (settings) throws(KafkaError) in
      var error = cks_error()
      guard
        let handle = cks_producer_create(
          configuration.topic, settings.baseAddress, settings.count, ClientLog.forward, log.context,
          &error)
      else { throw KafkaError(error, "create a producer") }
      return handle
    }
    self.log = log
    self.configuration = configuration
  }

  deinit {
    log.end()
    cks_producer_destroy(handle)
    withExtendedLifetime(log) {}
  }

  /// Hands records over, in order, and returns how many were taken.
  /// - Returns: fewer than there are where the queue is full, or where the next is refused: then `refusal` is its error, and
  ///   `isFatal` where the producer has come to its end.
  func produce(_ batch: RecordBatch) -> (taken: Int, refusal: KafkaError?) {
    var error = cks_error()
    let count = batch.count
    let taken = batch.withShimBatch { batch, records in
      cks_producer_produce(handle, &batch, records, count, &error)
    }
    guard error.code != 0, error.code != CKS_QUEUE_FULL else { return (taken, nil) }
    return (taken, KafkaError(error, "produce a record"))
  }

  /// Gives up what was not sent yet, and where `inFlight` also what waits for an acknowledgement: reports say so.
  func purge(inFlight: Bool) { cks_producer_purge(handle, inFlight) }

  /// What the topic's configuration says of a setting; waits up to `timeout` milliseconds.
  func topicSetting(_ name: String, timeout: Int32) throws(KafkaError) -> String {
    var error = cks_error()
    var value = [CChar](repeating: 0, count: 64)
    let isKnown = cks_producer_topic_setting(
      handle, configuration.topic, name, timeout, &value, value.count, &error)
    guard isKnown else { throw log.error(error, "ask for the topic's \(name)") }
    return value.withUnsafeBytes { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// Waits up to `timeout` milliseconds for reports.
  func poll(timeout: Int32) -> [DeliveryReport] {
    let capacity = 4096
    let reports = [cks_report](unsafeUninitializedCapacity: capacity) { buffer, count in
      // An array with capacity has an address.
      guard let start = buffer.baseAddress else { return }
      count = cks_producer_poll(handle, timeout, start, capacity)
    }
    return reports.map {
      DeliveryReport(
        sequenceNumber: $0.tag, partition: $0.partition, code: $0.code, offset: $0.offset)
    }
  }

  /// Makes ``poll(timeout:)`` return at once.
  func wake() { cks_producer_wake(handle) }

  /// Throws where the producer has become useless.
  func checkFatalError() throws(KafkaError) {
    var error = cks_error()
    if cks_producer_fatal_error(handle, &error) { throw KafkaError(error, "produce") }
  }

  /// How many partitions the topic has, 0 where it does not exist, and how many of them have no leader. Waits up to
  /// `timeout` milliseconds.
  func partitionCount(
    timeout: Int32
  ) throws(KafkaError) -> (count: Partition, leaderless: Partition) {
    var error = cks_error()
    var leaderless: Partition = 0
    let count = cks_producer_partition_count(
      handle, configuration.topic, timeout, &leaderless, &error)
    if count < 0 {
      throw log.error(error, "ask \(configuration.brokers) for its topics")
    }
    return (count, leaderless)
  }

  /// Creates the topic, without a limit of retention; one that exists is none of its errors.
  /// - Parameter timeout: how long to wait for the brokers, in milliseconds.
  func createTopic(partitions: Partition, timeout: Int32 = 10_000) throws(KafkaError) {
    let settings = [KafkaSetting("retention.ms", "-1"), KafkaSetting("retention.bytes", "-1")]
    try withShimSettings(settings) { (settings) throws(KafkaError) in
      var error = cks_error()
      let done = cks_producer_create_topic(
        handle, configuration.topic, partitions, configuration.replicationFactor ?? -1,
        settings.baseAddress, settings.count,
        timeout, &error)
      if !done {
        throw log.error(
          error, "create the topic '\(configuration.topic)' with \(partitions) partitions")
      }
    }
  }
}
