import Eventually

/// What the end of a topic's partition tells of a store's events in it, while it is read.
///
/// Only what equals the store's event counts as published: anybody may have written a record that claims a partition offset.
/// Where a record was refused and a later one accepted, the topic lacks one in the middle: its last record proves nothing
/// of those before it. What the saved cursor proves is there; what was found without a gap behind that is there too.
/// Everything from the first gap on is published again.
struct PartitionTail: Equatable {
  /// What a record turned out to be.
  enum Evidence: Equatable {
    /// The store's event at this partition offset.
    case own(UInt64)
    /// Something else: junk, another store's, forged.
    case notOurs
    /// It says that it is the store's event at a partition offset that the store has not reached.
    case ahead(UInt64)
    /// It is signed with a topic key, and the store has another event at its partition offset.
    case diverged(UInt64)
  }

  /// What keeps the partition from being published to.
  enum Conflict: Equatable {
    /// The topic holds events that follow on the store's last, up to this partition offset.
    case ahead(through: UInt64)
    /// The topic holds another event of the store than the store itself at this partition offset.
    case diverged(at: UInt64)
  }

  /// The largest partition offset found, 0 for none.
  private(set) var last: UInt64 = 0
  /// The smallest one found.
  private(set) var first: UInt64?
  /// How many records were passed over.
  private(set) var notOurs = 0
  /// Whether reading ended before it had come far enough back.
  private(set) var isCutShort = false
  private let proven: UInt64
  private var found: ContiguousPrefix
  /// The smallest and the largest partition offset of records that are ahead of the store.
  private var ahead: ClosedRange<UInt64>?
  private var diverged: UInt64?

  /// - Parameter proven: the partition offset up to which the topic is known to have got everything.
  init(proven: UInt64) {
    self.proven = proven
    found = ContiguousPrefix(end: proven)
  }

  /// The partition offset up to which the topic has everything, as far as is known.
  var contiguous: UInt64 { found.end }

  /// Whether there is nothing to be learned from reading further back.
  ///
  /// A relay that was stopped may have written old events behind those of its successor. Where nothing but such were found, what
  /// is known to be in the topic lies further back, and what follows on it too.
  var reachesBack: Bool { last >= proven && (first.map { $0 <= contiguous + 1 } ?? false) }

  /// Notes what a record is, in whatever order.
  mutating func find(_ evidence: Evidence) {
    switch evidence {
    case .own(let offset):
      last = max(last, offset)
      first = min(first ?? offset, offset)
      found.acknowledge(offset)
    case .notOurs: notOurs += 1
    case .ahead(let offset):
      ahead = min(ahead?.lowerBound ?? offset, offset)...max(ahead?.upperBound ?? offset, offset)
    case .diverged(let offset): diverged = min(diverged ?? offset, offset)
    }
  }

  /// The broker deletes old records, and all that it has kept was read: what came before them was there.
  mutating func passOverDeleted() {
    guard let first, first > 1 else { return }
    found.acknowledge(upTo: first - 1)
  }

  /// Reading ends before it has come far enough back: what was not found is published again.
  mutating func cutShort() { isCutShort = true }

  /// What can't be decided here.
  ///
  /// A store that was restored from an older copy finds its own events ahead of it, and they begin right after its last
  /// one, because the relay publishes without a gap; a record that stands further ahead on its own was made up. Where the
  /// place after the store's last event was not read, that is not known.
  /// - Parameter head: the store's last partition offset, asked for after the records were read.
  func conflict(head: UInt64) -> Conflict? {
    if let diverged { return .diverged(at: diverged) }
    guard let ahead, ahead.upperBound > head else { return nil }
    guard isCutShort || ahead.lowerBound <= head + 1 else { return nil }
    return .ahead(through: ahead.upperBound)
  }
}
