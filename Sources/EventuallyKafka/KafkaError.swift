import CKafkaShim
public import Eventually

/// Something that Kafka or its client refused or failed at.
public struct KafkaError: Error, Sendable, CustomStringConvertible {
  /// librdkafka's code.
  public var code: Int32
  /// Trying again may help.
  public var isRetriable: Bool
  /// The client is of no further use and has to be made anew.
  public var isFatal: Bool
  /// librdkafka's words for it.
  public var message: String
  /// What was being done.
  public var operation: String

  init(_ error: cks_error, _ operation: String) {
    code = error.code
    isRetriable = error.is_retriable
    isFatal = error.is_fatal
    self.operation = operation
    var words = error.message
    message = withUnsafeBytes(of: &words) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  init(code: Int32, message: String, isRetriable: Bool, operation: String) {
    self.code = code
    self.message = message
    self.isRetriable = isRetriable
    isFatal = false
    self.operation = operation
  }

  /// What happened, for people.
  public var description: String {
    "\(operation): \(message) (\(String(cString: cks_error_name(code))))"
  }
}

/// Why a topic can't be used for a store. None of these goes away by itself.
public enum TopicError: Error, Sendable, CustomStringConvertible {
  /// The topic has another number of partitions than the store.
  case partitionCount(topic: String, actual: Partition, expected: Partition)
  /// The topic does not exist, and could not be created.
  case notCreated(topic: String, partitions: Partition, cause: KafkaError)
  /// The topic holds another store's events.
  case otherStore(topic: String, found: String, expected: String)
  /// The topic holds events of this store that the store itself does not have.
  case ahead(topic: String, partition: Partition, found: UInt64, store: UInt64)

  /// What happened and what to do, for people.
  public var description: String {
    switch self {
    case .partitionCount(let topic, let actual, let expected):
      "the topic '\(topic)' has \(actual) partitions, but the store has \(expected): name another "
        + "topic, or delete this one and let the writer create it"
    case .notCreated(let topic, let partitions, let cause):
      "the topic '\(topic)' does not exist and can't be created (\(cause)): create it with "
        + "\(partitions) partitions and without a retention limit"
    case .otherStore(let topic, let found, let expected):
      "the topic '\(topic)' holds events of the store \(found), but this is the store "
        + "\(expected): name another topic"
    case .ahead(let topic, let partition, let found, let store):
      "the topic '\(topic)' holds partition \(partition) up to position \(found), but the store "
        + "only up to \(store): was the store restored from an older copy? Name another topic, or "
        + "bring the newer store back"
    }
  }
}
