import CoreMetrics
import Eventually
import Logging

/// What the topic holds already.
extension KafkaPublisher {
  /// Connects, and finds out what the topic holds already.
  /// - Throws: ``TopicError`` where it can't be published to, or that can't be told.
  func prepare(
    _ preparation: PublisherPreparation, _ cursor: UInt64
  ) async throws -> (ProducerClient, [PartitionTail]) {
    do {
      var proven = try await source.heads(at: cursor)
      if let noted = try await source.publishedProgress()?.partitions, noted.count == proven.count {
        for (index, offset) in noted.enumerated() { proven[index] = max(proven[index], offset) }
      }
      let producer = try await preparation.connect(partitions: Partition(proven.count))
      var tail = TopicTail(source: source, preparation: preparation)
      tail.mayHaveGoneBack = try await source.mayHaveGoneBack()
      let found = try await tail.read(behind: proven)
      note(found)
      if onConflict == .wait { try await check(found, cursor) }
      await preparation.end()
      return (producer, found.tails)
    } catch {
      await preparation.end()
      throw error
    }
  }

  /// Counts and reports what is not the store's in the topic's end.
  private func note(_ found: TopicTail<Source>.Outcome) {
    let count = UInt64(found.tails.reduce(0) { $0 + $1.notOurs })
    let before = state.withLock { status in
      defer { status.rejectedRecords = count }
      return status.rejectedRecords
    }
    // The same records are read again whenever the end is.
    guard count > before else { return }
    rejectedRecords.increment(by: count - before)
    logger.warning(
      "the end of the topic has records that are not this store's; they are passed over",
      metadata: [
        "records": "\(count)",
        "first reason": "\(found.reason ?? "they differ from the store's events")",
      ])
  }

  private func check(_ found: TopicTail<Source>.Outcome, _ cursor: UInt64) async throws {
    let topic = configuration.topic
    if let first = found.conflicts.min(by: { $0.key < $1.key }) {
      switch first.value {
      case .ahead(let through):
        throw TopicError.ahead(
          topic: topic, partition: first.key, found: through,
          store: try await source.heads()[Int(first.key)])
      case .diverged(let position):
        throw TopicError.diverged(topic: topic, partition: first.key, position: position)
      }
    }
    if let (partition, reason) = found.unreadable.min(by: { $0.key < $1.key }) {
      throw TopicError.unreadable(topic: topic, partition: partition, reason: reason)
    }
    // A store that has published to the topic knows that it is the right one.
    if let other = found.otherStore, cursor == 0, found.tails.allSatisfy({ $0.last == 0 }) {
      throw TopicError.otherStore(topic: topic, found: other, expected: source.storeID)
    }
  }
}
