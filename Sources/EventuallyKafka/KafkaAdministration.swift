public import Eventually
public import Logging

/// Creates and deletes what brokers hold of a store: its topic, and the consumer groups of its read models.
///
/// A publisher creates its topic by itself; this is for what is to go away again, with a store that is given up or after a
/// test. It has a client of its own, which connects with the first call.
public actor KafkaAdministration {
  private let executor = BlockingExecutor(label: "kafka.administration")
  private let client: ProducerClient

  /// The calls block, on a thread of its own.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Administration of the brokers and the topic that a configuration names.
  /// - Throws: ``KafkaError`` where a setting is refused; the brokers are not asked.
  public init(_ configuration: KafkaConfiguration, logger: Logger) throws(KafkaError) {
    client = try ProducerClient(configuration, logger: logger)
  }

  /// How many partitions the topic has, 0 where it does not exist.
  /// - Parameter timeout: how long to wait for the brokers, up to 60 seconds.
  public func partitionCount(within timeout: Duration = .seconds(10)) throws(KafkaError)
    -> Partition
  {
    try client.partitionCount(timeout: Self.milliseconds(timeout)).count
  }

  /// Creates the topic, without a limit of retention; it may exist already.
  public func createTopic(partitions: Partition) throws(KafkaError) {
    try client.createTopic(partitions: partitions)
  }

  /// Deletes the topic and its records. There is no way back. Nothing may use it any more: a client may have the
  /// brokers create it again.
  public func deleteTopic() throws(KafkaError) {
    try client.deleteTopics([client.configuration.topic])
  }

  /// Deletes the topic's records before the given offsets, one for each partition from 0. There is no way back.
  public func deleteRecords(before offsets: [Int64]) throws(KafkaError) {
    try client.deleteRecords(before: offsets)
  }

  /// The names of all consumer groups.
  public func groups() throws(KafkaError) -> [String] { try client.groups() }

  /// Deletes consumer groups with their offsets; one that does not exist is as good as deleted.
  /// - Throws: ``KafkaError``, too where a group has members: one that was killed is a member until its session ends.
  public func deleteGroups(_ groups: [String]) throws(KafkaError) {
    try client.deleteGroups(groups)
  }

  private static func milliseconds(_ duration: Duration) -> Int32 {
    let (seconds, attoseconds) = min(max(duration, .zero), .seconds(60)).components
    return Int32(seconds * 1000 + attoseconds / 1_000_000_000_000_000)
  }
}
