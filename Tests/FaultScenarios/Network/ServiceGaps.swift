/// For how long nothing went on, as seen from outside: no command was acknowledged, or an event was in no read model.
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
  private var newest: UInt64 = 0
  /// When heads were first seen that have not been applied yet.
  private var heads: [(head: UInt64, seen: Instant)] = []

  /// Whether the read models have all that there is, as far as is known.
  package var isApplied: Bool { heads.isEmpty }

  package init(at now: Instant) { lastAcknowledged = now }

  /// Measures anew. What has gone on for a while counts whole.
  package mutating func begin() { longest = Longest() }

  /// How many commands were acknowledged so far.
  package mutating func acknowledged(_ count: Int, at now: Instant) {
    longest.commands = max(longest.commands, now - lastAcknowledged)
    if count > acknowledged { (acknowledged, lastAcknowledged) = (count, now) }
  }

  /// How many events there are, and how many of them the read model has that has the fewest.
  package mutating func applied(_ applied: UInt64, of head: UInt64, at now: Instant) {
    if head > newest {
      newest = head
      heads.append((head, now))
    }
    while let first = heads.first, first.head <= applied {
      longest.readModels = max(longest.readModels, now - first.seen)
      heads.removeFirst()
    }
    if let first = heads.first { longest.readModels = max(longest.readModels, now - first.seen) }
  }
}
