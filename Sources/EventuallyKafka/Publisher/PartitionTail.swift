/// What the end of a topic's partition tells of a store's events in it, while it is read.
///
/// Where a record was refused and a later one accepted, the topic lacks one in the middle: its last record proves nothing
/// of those before it. What the saved cursor proves is there; what was found without a gap behind that is there too.
/// Everything from the first gap on is published again.
struct PartitionTail: Equatable {
  /// The largest partition sequence found, 0 for none.
  private(set) var last: UInt64 = 0
  /// The smallest one found.
  private(set) var first: UInt64?
  private var found: ContiguousPrefix

  /// - Parameter proven: the partition sequence up to which the topic is known to have got everything.
  init(proven: UInt64) {
    found = ContiguousPrefix(end: proven)
  }

  /// The partition sequence up to which the topic has everything, as far as is known.
  var contiguous: UInt64 { found.end }

  /// Whether reading further back can't tell of more.
  var reachesBack: Bool { first.map { $0 <= contiguous + 1 } ?? false }

  /// Takes in a record of the store, in whatever order.
  mutating func find(_ partitionSequence: UInt64) {
    last = max(last, partitionSequence)
    first = min(first ?? partitionSequence, partitionSequence)
    found.acknowledge(partitionSequence)
  }

  /// The broker deletes old records, and all that it has kept was read: what came before them was there.
  mutating func passOverDeleted() {
    guard let first else { return }
    found.acknowledge(upTo: first - 1)
  }
}
