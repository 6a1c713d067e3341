import Eventually
import Logging

/// What the bus does not have, and what it has that is not the store's.
extension Consumption {
  /// Notes what the feed has brought, and asks it for more.
  func takeFromFeed() async throws {
    for answer in feed.takeAnswers(batch: batch.count, limit: options.batchSize) {
      switch answer {
      case .event(let place, let stored):
        compare(place, stored)
      case .heads(let heads, let asked, let isRegular):
        learn(heads, asked: asked)
        // The intervals between regular answers are time enough for the broker to bring what there is.
        guard isRegular else { continue }
        isRoutineCheckDue = true
        let effects = assignment.learn(heads: heads)
        for case .fetch(let partition, let missing, _) in effects {
          logger.info(
            "the broker lacks the newest events; fetching them from the feed",
            metadata: ["partition": "\(partition)", "missing": "\(missing)"])
        }
        perform(effects)
      case .records(let partition, let records):
        try await takeRepair(partition, records)
      case .end(let partition, let head):
        perform(assignment.rejectClaim(partition, head: head))
      }
    }
  }

  private func takeRepair(_ partition: Partition, _ records: [EventRecord]) async throws {
    guard assignment.missing(partition) != nil else { return }
    for record in records
    where assignment.repair(partition, record.position.partitionOffset) {
      do {
        add(try await entry(record), in: partition)
        forgeries.accept(
          partition, record.position.partitionOffset, id: record.id, isFromStore: true)
        status.withLock { $0.eventsFromFeed += 1 }
      } catch let error as EventStoreError {
        feed.fail(partition, error.description)
        return perform(assignment.stall(partition))
      }
    }
    perform(assignment.repaired(partition))
  }

  private func entry(_ record: EventRecord) async throws -> LogEntry<String, Event> {
    do {
      return try decoder.entry(record)
    } catch {
      return try await checkpoints.entry(record, after: error)
    }
  }

  /// Notes a record that claims a place which the store does not have.
  func noteRejectedClaim(_ partition: Partition, offset: Int64, head: UInt64) {
    var record =
      evidence[partition]
      ?? RejectedRecord(
        partition: partition, offset: offset, reason: "", key: [], value: [], size: 0)
    record.offset = offset
    record.reason = "it claims a place that the store does not have: it ends at \(head)"
    note(record)
  }

  /// Counts a record that is not applied, and puts it to those that are kept.
  func note(_ record: RejectedRecord) {
    var record = record
    // It may quote the record.
    record.reason = printable(record.reason)
    rejected.append(record)
    metrics.rejectedRecordKept()
    let count = status.withLock { status in
      status.rejectedRecords += 1
      return status.rejectedRecords
    }
    // The first ones are told one by one, and then ever fewer.
    guard count <= 10 || count % 10_000 == 0 else { return }
    logger.warning(
      "a record is not applied, and kept",
      metadata: [
        "partition": "\(record.partition)", "offset": "\(record.offset)",
        "reason": "\(record.reason)", "so far": "\(count)",
      ])
  }

  /// Keeps what is not applied, before anything behind it can be committed.
  func keepRejected() async throws {
    guard !rejected.isEmpty else { return }
    try await checkpoints.keep(rejected)
    rejected.removeAll()
  }
}
