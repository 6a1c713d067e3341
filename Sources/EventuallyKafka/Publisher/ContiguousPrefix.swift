/// Knows up to where everything has been acknowledged, though acknowledgements come in any order.
struct ContiguousPrefix: Equatable {
  /// Everything up to this number has been acknowledged.
  private(set) var end: UInt64
  /// Acknowledged numbers beyond ``end`` + 1.
  private var beyond: Set<UInt64> = []

  init(end: UInt64) {
    self.end = end
  }

  /// How many acknowledgements wait for one before them.
  var waitingCount: Int { beyond.count }

  /// Notes an acknowledgement, which may come more than once.
  mutating func acknowledge(_ number: UInt64) {
    guard number > end else { return }
    guard number == end + 1 else {
      beyond.insert(number)
      return
    }
    end = number
    guard !beyond.isEmpty else { return }
    while beyond.remove(end + 1) != nil { end += 1 }
  }

  /// Whether a number has been acknowledged.
  func contains(_ number: UInt64) -> Bool { number <= end || beyond.contains(number) }

  /// Takes everything up to a number as acknowledged.
  mutating func acknowledge(upTo number: UInt64) {
    guard number > end else { return }
    beyond = beyond.filter { $0 > number }
    end = number
    while beyond.remove(end + 1) != nil { end += 1 }
  }
}
