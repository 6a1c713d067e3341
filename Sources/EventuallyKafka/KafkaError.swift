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

  /// The message.
  public var description: String {
    "\(operation): \(message) (\(String(cString: cks_error_name(code))))"
  }
}

/// Why a topic can't be published to. None of these ends the publisher: it looks again after a while.
public enum TopicError: Error, Sendable, CustomStringConvertible {
  /// The topic has another number of partitions than the store.
  case partitionCount(topic: String, actual: Partition, expected: Partition)
  /// The topic does not exist, and could not be created.
  case notCreated(topic: String, partitions: Partition, cause: KafkaError)
  /// The topic holds another store's events, and none of this one.
  case otherStore(topic: String, found: String, expected: String)
  /// The topic holds events that follow on this store's last, and that the store itself does not have.
  case ahead(topic: String, partition: Partition, found: UInt64, store: UInt64)
  /// The topic holds an event that is signed with this store's key, or that the store may have published before it was restored,
  /// and the store has another in its place.
  case diverged(topic: String, partition: Partition, position: UInt64)
  /// The end of a partition can't be read, so that it is not known what the topic holds.
  case unreadable(topic: String, partition: Partition, reason: String)

  /// What happened and what to do.
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
        + "\(expected): name another topic, or publish to it all the same \(Self.wayOut)"
    case .ahead(let topic, let partition, let found, let store):
      "the topic '\(topic)' holds partition \(partition) up to partition offset \(found), but the store "
        + "only up to \(store): was the store restored from an older copy, or were records forged? Bring the "
        + "newer store back, name another topic, or publish all the same \(Self.wayOut) and repair the "
        + "read models (the command 'repair')"
    case .diverged(let topic, let partition, let position):
      "the topic '\(topic)' holds another event at partition \(partition), partition offset \(position), than "
        + "the store: was the store restored from an older copy, or did its server fail over to a standby that was behind? "
        + "Bring the newer store back, name another topic, or publish all the same \(Self.wayOut) and repair the read "
        + "models (the command 'repair')"
    case .unreadable(let topic, let partition, let reason):
      "the end of partition \(partition) of the topic '\(topic)' can't be read, so that it is not known what it holds "
        + "(\(reason)): is there a record that is larger than receive.message.max.bytes? It is read again; or publish "
        + "all the same, events perhaps a second time \(Self.wayOut)"
    }
  }

  private static let wayOut = "(writer serve --topic-conflict publish-anyway)"
}

/// What a publisher does where it can't tell whether the topic's records are its store's: see ``TopicError``.
public enum TopicConflictPolicy: String, Sendable, Hashable, CaseIterable {
  /// Publish nothing, and look again after a while. Events are appended all the while.
  case wait
  /// Publish behind what equals the store's events, whatever else the topic holds. A topic with another number of
  /// partitions is not published to all the same.
  case publishAnyway = "publish-anyway"
}
