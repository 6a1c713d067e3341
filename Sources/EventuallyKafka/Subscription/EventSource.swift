import Eventually

/// Tells records of a store from all others.
struct EventSource {
  let storeID: String
  /// How records name the store: in this form, or in the one that they had it in before.
  private let names: [String]
  let partitionCount: Partition
  /// Verifies records, where a key is configured.
  private var signer: RecordSigner?

  init(storeID: String, partitionCount: Partition, keys: TopicKeys? = nil) {
    self.storeID = storeID
    let name = SourceName.uri(of: storeID)
    names = name == storeID ? [name] : [name, storeID]
    self.partitionCount = partitionCount
    signer = keys.map { RecordSigner($0) }
  }

  /// Whether records are verified.
  var isKeyed: Bool { signer != nil }

  /// Whether a record says that it is of the store.
  func isSource(of message: borrowing WireMessage) -> Bool {
    for name in names where message.comes(from: name) { return true }
    return false
  }

  enum Verdict {
    case event(EventPosition)
    case rejected(String)
  }

  /// Whether a record is an event of the store: by its code where a key is configured, else by what it says of itself.
  mutating func classify(_ message: borrowing WireMessage) -> Verdict {
    guard isSource(of: message) else {
      return .rejected(message.source.map { "it is of '\($0)'" } ?? "it has no ce_source")
    }
    guard let position = message.position else { return .rejected("it has no valid ce_position") }
    let home = message.home(of: partitionCount)
    guard home == message.partition else {
      return .rejected("its key belongs to partition \(home)")
    }
    if signer != nil {
      guard message.isSigned else {
        return .rejected("it has no ce_mac, and a topic key is configured")
      }
      // In place: a copy would copy the memory that it works in.
      guard signer?.verify(message) == true else {
        return .rejected("its ce_mac is wrong: it is signed with another key, or was changed")
      }
    }
    return .event(position)
  }
}

extension WireMessage {
  /// The record as it is kept where it is not applied.
  borrowing func rejectedRecord(_ reason: String) -> RejectedRecord {
    RejectedRecord(
      partition: partition, offset: offset, reason: reason,
      key: key(upTo: RejectedRecord.keptBytes), value: value(upTo: RejectedRecord.keptBytes),
      size: valueSize)
  }
}
