import Eventually

/// Tells records of a store from all others.
struct EventSource: Sendable {
  let storeID: String
  let partitionCount: Partition

  enum Verdict {
    case event(EventPosition)
    case foreign(String)
  }

  /// Whether a record is an event of the store, by what it says of itself.
  func judge(_ message: borrowing WireMessage) -> Verdict {
    guard message.comes(from: storeID) else {
      return .foreign(message.source.map { "it is of '\($0.prefix(80))'" } ?? "it has no ce_source")
    }
    guard let position = message.position else { return .foreign("it has no valid ce_position") }
    let home = message.home(of: partitionCount)
    guard home == message.partition else {
      return .foreign("its key belongs to partition \(home)")
    }
    return .event(position)
  }
}

extension WireMessage {
  /// The record as it is kept where it is not applied.
  borrowing func foreignRecord(_ reason: String) -> ForeignRecord {
    ForeignRecord(
      partition: partition, offset: offset, reason: reason,
      key: key(upTo: ForeignRecord.keptBytes), value: value(upTo: ForeignRecord.keptBytes),
      size: valueSize)
  }
}
