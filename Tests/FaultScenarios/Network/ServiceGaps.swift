/// For how long nothing went on, as seen from outside: no command was acknowledged, or an event was not in all read models.
package struct ServiceGaps {
  package typealias Instant = ContinuousClock.Instant

  /// The longest since ``begin()``.
  package struct Longest: Equatable, Sendable {
    package var commands = Duration.zero
    package var readModels = Duration.zero

    package init() {}
  }

  private(set) package var longest = Longest()
  private var acknowledged = 0
  private var lastAcknowledged: Instant
  private var partitions: [Partition]

  private struct Partition {
    var newest: UInt64 = 0
    /// When heads were first seen that are not applied yet.
    var heads: [(head: UInt64, seen: Instant)] = []

    /// - Returns: for how long an event has not been applied, or had not.
    mutating func applied(_ position: UInt64, of head: UInt64, at now: Instant) -> Duration {
      if head > newest {
        newest = head
        heads.append((head, now))
      }
      guard let first = heads.first else { return .zero }
      heads.removeAll { $0.head <= position }
      return now - first.seen
    }
  }

  package init(partitions: Int, at now: Instant) {
    self.partitions = Array(repeating: Partition(), count: partitions)
    lastAcknowledged = now
  }

  /// Whether the read models have all that there is, as far as is known.
  package var isApplied: Bool { partitions.allSatisfy(\.heads.isEmpty) }

  /// Measures anew. What has gone on for a while counts whole.
  package mutating func begin() { longest = Longest() }

  /// How many commands were acknowledged so far.
  package mutating func acknowledged(_ count: Int, at now: Instant) {
    longest.commands = max(longest.commands, now - lastAcknowledged)
    if count > acknowledged { (acknowledged, lastAcknowledged) = (count, now) }
  }

  /// The last offset of each partition, and how far the read model has applied it that has applied the least.
  package mutating func applied(_ positions: [UInt64], of heads: [UInt64], at now: Instant) {
    for index in partitions.indices {
      longest.readModels = max(
        longest.readModels, partitions[index].applied(positions[index], of: heads[index], at: now))
    }
  }
}
