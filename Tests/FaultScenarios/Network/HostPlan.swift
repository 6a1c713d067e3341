import Eventually

/// What happens to the hosts of a scenario, one thing after the other.
package enum HostPlan {
  /// What can happen.
  package enum Kind: String, CaseIterable, Sendable {
    case workerFromBroker = "a worker cut off from the broker"
    case workerFromDatabase = "a worker cut off from PostgreSQL"
    case workerFromBoth = "a worker cut off from both"
    case writerFromBroker = "a writer cut off from the broker"
    case writerFromDatabase = "a writer cut off from PostgreSQL"
    case answersLost = "what PostgreSQL answers to an append, and then, lost"
    case slow = "100 ms each way and 1 % loss, everywhere"
    case writerPaused = "a writer stopped and continued"
    case workerPaused = "a worker stopped and continued"
    case writerKilled = "a writer killed"
    case workerKilled = "a worker killed"

    /// Whether it is a writer that it happens to; `nil` where it happens to all.
    package var isOfWriter: Bool? {
      switch self {
      case .writerFromBroker, .writerFromDatabase, .answersLost, .writerPaused, .writerKilled: true
      case .workerFromBroker, .workerFromDatabase, .workerFromBoth, .workerPaused, .workerKilled:
        false
      case .slow: nil
      }
    }

    /// Whether nothing arrives between the broker and the host.
    package var isCutFromBroker: Bool {
      switch self {
      case .workerFromBroker, .workerFromBoth, .writerFromBroker: true
      default: false
      }
    }

    /// Whether nothing arrives between the database and the host.
    package var isCutFromDatabase: Bool {
      switch self {
      case .workerFromDatabase, .workerFromBoth, .writerFromDatabase: true
      default: false
      }
    }
  }

  package struct Step: Hashable, Sendable {
    package var kind: Kind
    /// To which of two hosts it happens: 0 or 1.
    package var host: Int
    package var length: Duration
  }

  /// Each of the kinds once.
  /// - Parameter lengths: how many milliseconds it lasts: for less than it takes to find a silent peer dead, or for longer. Some
  ///   last three times as long.
  package static func steps(
    _ kinds: [Kind], lengths: ClosedRange<Int> = 3000...20_000, seed: UInt64
  ) -> [Step] {
    var random = SeededRandom(seed: seed)
    return kinds.shuffled(using: &random).map { kind in
      let host = Int.random(in: 0...1, using: &random)
      let times = lengths.upperBound > 10_000 && Int.random(in: 0..<5, using: &random) == 0 ? 3 : 1
      let length = Int.random(in: lengths, using: &random) * times
      // Before that, what is lost is sent again, and arrives.
      let least = kind == .answersLost ? 14_000 : 0
      return Step(kind: kind, host: host, length: .milliseconds(max(least, length)))
    }
  }
}
