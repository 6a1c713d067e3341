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
    var tail: PartitionTail
    var isDone = false

    var start: Int64 { max(offsets.lowerBound, offsets.upperBound - window) }

    mutating func windowIsRead() {
      let isWhole = start == offsets.lowerBound
      if isWhole, offsets.lowerBound > 0 { tail.passOverDeleted() }
      isDone = isDone || isWhole || tail.reachesBack
      window *= 16
    }
  }

  /// What each partition holds behind what is known to be in it.
  ///
  /// The newest record need not be the store's own, or be a record at all (a transaction's marker takes an
  /// offset too), so a window before the end is read, and a larger one where it does not reach back to what is known.
  /// - Parameter proven: the partition sequences up to which the topic is known to have got everything.
  /// - Throws: ``TopicError/otherStore(topic:found:expected:)``, or ``KafkaError``.
  func read(behind proven: [UInt64]) throws -> [PartitionTail] {
    let consumer = try ConsumerClient(
      configuration, group: "eventually-tail-\(UUID().uuidString.lowercased())",
      settings: [KafkaSetting("fetch.wait.max.ms", "10")], logger: logger)
    let partitions = proven.indices.map { Partition($0) }
    // In this order: a partition that is cut off meanwhile ends no earlier than it begins.
    let beginnings = try consumer.offsets(.beginning, of: partitions)
    let ends = try consumer.offsets(.end, of: partitions)
    var searches = partitions.indices.map { index in
      let offsets = beginnings[index]..<max(beginnings[index], ends[index])
      return Search(
        offsets: offsets, window: 32, tail: PartitionTail(proven: proven[index]),
        isDone: offsets.isEmpty)
    }
    while searches.contains(where: { !$0.isDone }) {
      try readWindows(&searches, consumer)
    }
    return searches.map(\.tail)
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
              searches[index].tail.find(position.partitionSequence)
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
    for index in searches.indices { searches[index].windowIsRead() }
    if let otherStore, !searches.contains(where: { $0.tail.last > 0 }) {
      throw TopicError.otherStore(
        topic: configuration.topic, found: otherStore, expected: storeID)
    }
  }
}
