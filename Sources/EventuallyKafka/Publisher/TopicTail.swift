import Eventually
import Foundation
import Logging

/// Finds out how far each partition of a topic already holds a store's events, by reading its end.
struct TopicTail {
  private let configuration: KafkaConfiguration
  private let storeID: String
  private let logger: Logger

  init(_ configuration: KafkaConfiguration, storeID: String, logger: Logger) {
    self.configuration = configuration
    self.storeID = storeID
    self.logger = logger
  }

  /// What is known of one partition while its end is read.
  private struct Search {
    let offsets: Range<Int64>
    /// How many offsets are read from the end.
    var window: Int64
    var found: UInt64 = 0
    var isDone = false

    var start: Int64 { max(offsets.lowerBound, offsets.upperBound - window) }
  }

  /// The last partition sequence that each partition holds, 0 for none.
  ///
  /// The newest record need not be the store's own, or be a record at all (a transaction's marker takes an
  /// offset too), so a window before the end is read, and a larger one where nothing was found in it.
  /// - Throws: ``TopicError/otherStore(topic:found:expected:)``, or ``KafkaError``.
  func read(partitions: Partition) throws -> [UInt64] {
    let consumer = try ConsumerClient(
      configuration, group: "eventually-tail-\(UUID().uuidString.lowercased())",
      settings: [KafkaSetting("fetch.wait.max.ms", "10")], logger: logger)
    var searches: [Search] = []
    for partition in 0..<partitions {
      let offsets = try consumer.watermarks(of: partition)
      searches.append(Search(offsets: offsets, window: 32, isDone: offsets.isEmpty))
    }
    while searches.contains(where: { !$0.isDone }) {
      try readWindows(&searches, consumer)
    }
    return searches.map(\.found)
  }

  private func readWindows(_ searches: inout [Search], _ consumer: ConsumerClient) throws {
    var reading: Set<Partition> = []
    for (index, search) in searches.enumerated() where !search.isDone {
      reading.insert(Partition(index))
    }
    try consumer.assign(
      reading.map { StartOffset(partition: $0, offset: searches[Int($0)].start) })
    let deadline = ContinuousClock.now + .seconds(30)
    var otherStore: String?
    var failure: KafkaError?
    while !reading.isEmpty {
      guard ContinuousClock.now < deadline else {
        throw KafkaError(
          code: 0, message: "no answer within 30 s", isRetriable: true,
          operation: "read the end of the topic '\(configuration.topic)'")
      }
      _ = try consumer.poll(timeout: 100, limit: 10_000) { message in
        let index = Int(message.partition)
        if message.isEndOfPartition {
          reading.remove(message.partition)
        } else if let error = message.error {
          failure = error
        } else {
          if message.comes(from: storeID) {
            if let position = message.position {
              searches[index].found = max(searches[index].found, position.partitionSequence)
            }
          } else if message.position != nil, let source = message.source {
            otherStore = source
          }
          if message.offset + 1 >= searches[index].offsets.upperBound {
            reading.remove(message.partition)
          }
        }
      }
      if let failure { throw failure }
    }
    try consumer.unassign()
    for index in searches.indices where !searches[index].isDone {
      if searches[index].found > 0 || searches[index].start == searches[index].offsets.lowerBound {
        searches[index].isDone = true
      } else {
        searches[index].window *= 16
      }
    }
    if let otherStore, !searches.contains(where: { $0.found > 0 }) {
      throw TopicError.otherStore(
        topic: configuration.topic, found: otherStore, expected: storeID)
    }
  }
}
