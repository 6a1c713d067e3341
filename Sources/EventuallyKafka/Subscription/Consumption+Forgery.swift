import Eventually
import Logging

/// What is done about events that were let through and are not the store's: see ``ForgeryWatch``.
extension Consumption {
  /// Asks the store for what shows forgeries.
  func askTheStore() {
    feed.askForHeads(isUrgent: forgeries.isBeyondHeads) { forgeries.askForHeads() }
    feed.check { forgeries.nextCheck(routine: isRoutineCheckDue) }
    isRoutineCheckDue = false
  }

  /// Notes the store's heads.
  func learn(_ heads: [UInt64], asked: [Partition: UInt64]) {
    for forgery in forgeries.learn(heads, asked: asked) { stop(forgery) }
  }

  /// Notes the store's event at a place that was to be looked at.
  func compare(_ place: ForgeryWatch.Forgery, _ stored: EventRecord?) {
    if forgeries.compare(place, storeHas: stored?.id) { stop(place) }
  }

  /// A record came whose partition offset was let through before.
  func takeRepeated(_ message: borrowing WireMessage, at position: EventPosition) {
    let id = message.eventID
    switch forgeries.repeated(message.partition, position.partitionOffset, id: { id }) {
    case .same:
      status.withLock { $0.duplicates += 1 }
      metrics.duplicateDropped()
    case .other:
      note(
        message.rejectedRecord(
          "another event came before it at partition offset \(position.partitionOffset)"))
    }
  }

  /// Stops a partition in which an event was let through that is not the store's.
  private func stop(_ forgery: ForgeryWatch.Forgery) {
    perform(assignment.stop(forgery.partition, forgedAt: forgery.position))
    forged.append(forgery)
    metrics.forgeryFound()
    logger.error(
      "a forged event was applied, and the partition stops: repair the read model",
      metadata: [
        "partition": "\(forgery.partition)", "partition offset": "\(forgery.position)",
        "command": "repair",
      ])
  }

  /// Notes for good what was found, before anything else is delivered.
  func keepForged() async throws {
    for forgery in forged {
      try await checkpoints.markForged(forgery.partition, at: forgery.position)
    }
    forged.removeAll()
  }
}
