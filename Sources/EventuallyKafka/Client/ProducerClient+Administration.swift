import CKafkaShim
import Eventually

/// Calls about topics and groups. Each blocks its caller's thread for up to `timeout` milliseconds.
extension ProducerClient {
  /// Deletes topics; one that does not exist is as good as deleted. The brokers free their space later.
  func deleteTopics(_ topics: [String], timeout: Int32 = 10_000) throws(KafkaError) {
    try withCStrings(topics) { (names) throws(KafkaError) in
      var error = cks_error()
      guard cks_producer_delete_topics(handle, names, names.count, timeout, &error) else {
        throw log.error(error, "delete the topics \(topics.joined(separator: ", "))")
      }
    }
  }

  /// Deletes consumer groups with their offsets; one that does not exist is as good as deleted.
  /// - Throws: where a group has members, too.
  func deleteGroups(_ groups: [String], timeout: Int32 = 10_000) throws(KafkaError) {
    try withCStrings(groups) { (names) throws(KafkaError) in
      var error = cks_error()
      guard cks_producer_delete_groups(handle, names, names.count, timeout, &error) else {
        throw log.error(error, "delete the consumer groups \(groups.joined(separator: ", "))")
      }
    }
  }

  /// Deletes the records of the configuration's topic that lie before the given offsets, one for each partition from 0.
  func deleteRecords(before offsets: [Int64], timeout: Int32 = 10_000) throws(KafkaError) {
    let topic = configuration.topic
    try withCStrings([topic]) { (names) throws(KafkaError) in
      var error = cks_error()
      guard
        cks_producer_delete_records(handle, names[0], offsets, offsets.count, timeout, &error)
      else { throw log.error(error, "delete records of the topic '\(topic)'") }
    }
  }

  /// The names of all consumer groups.
  func groups(timeout: Int32 = 10_000) throws(KafkaError) -> [String] {
    var error = cks_error()
    var names: [String] = []
    let isDone = withUnsafeMutablePointer(to: &names) { names in
      cks_producer_list_groups(
        handle, timeout,
        { context, name in
          context?.assumingMemoryBound(to: [String].self).pointee.append(String(cString: name))
        }, names, &error)
    }
    guard isDone else { throw log.error(error, "list the consumer groups") }
    return names
  }
}
