import Digests
import Eventually
import Foundation

/// A record in the topic's end that says it is an event of the store.
struct TailClaim: Equatable {
  /// Where it says that its event is.
  var position: EventPosition
  /// `nil` where it names none.
  var id: EventID?
  var fingerprint: RecordFingerprint
  /// Whether a topic key verifies it.
  var isSigned: Bool
  /// Whether it only stands for its event.
  var isPlaceholder = false

  /// Holds the claim against the store.
  /// - Parameters:
  ///   - stored: the store's event at the sequence number of the claim; `nil` where it has none.
  ///   - heads: the store's last partition offsets, and its last sequence number.
  ///   - isSkipped: whether it was decided that a placeholder is to stand for the event.
  ///   - mayBePublished: whether the store may have published it and lost it since.
  func classify(
    against stored: EventRecord?, heads: [UInt64], sequenceNumber: UInt64, isSkipped: Bool = false,
    mayBePublished: Bool = false
  ) -> PartitionTail.Evidence {
    if isPlaceholder {
      // It says nothing of what the event is; without the decision, the event itself is published.
      guard let stored, isSkipped, stored.position == position, stored.id == id else {
        return .notOurs
      }
      return .own(position.partitionOffset)
    }
    let mismatch =
      isSigned || mayBePublished
      ? PartitionTail.Evidence.diverged(position.partitionOffset) : .notOurs
    guard let stored else {
      // Of what the store has not reached, neither number can be one that it has given to another event.
      guard position.sequenceNumber > sequenceNumber,
        position.partitionOffset > heads[Int(position.partition)]
      else { return mismatch }
      return .ahead(position.partitionOffset)
    }
    guard stored.position == position, stored.id == id else { return mismatch }
    // An event that was erased since keeps its id only.
    guard stored.type == EventRecord.erasedType || fingerprint == RecordFingerprint(stored) else {
      return mismatch
    }
    return .own(position.partitionOffset)
  }
}

/// Tells a record's key, type and value from all others: SHA-256 of them, each preceded by its length.
struct RecordFingerprint: Hashable {
  private let digest: SHA256.Digest

  /// `nil` stands for nothing at all.
  init(
    key: UnsafeRawBufferPointer?, type: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?
  ) {
    var hash = SHA256()
    for part in [key, type, value] {
      withUnsafeBytes(of: part?.count ?? -1) { hash.update(bufferPointer: $0) }
      if let part { hash.update(bufferPointer: part) }
    }
    digest = hash.finalize()
  }

  /// The record that the relay makes of an event.
  init(_ event: EventRecord) {
    let isTombstone =
      event.type == EventRecord.removedType || event.type == EventRecord.erasedType
    self = Array(event.streamID.utf8).withUnsafeBytes { key in
      Array(event.type.utf8).withUnsafeBytes { type in
        event.payload.withUnsafeBytes { value in
          RecordFingerprint(key: key, type: type, value: isTombstone ? nil : value)
        }
      }
    }
  }
}
