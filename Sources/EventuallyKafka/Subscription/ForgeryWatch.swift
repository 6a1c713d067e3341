import Eventually

/// Finds out whether an event that was let through is one that the store does not have there, which a record may pretend
/// where no topic key is configured. It does no work itself; the store, asked by way of the feed, decides.
///
/// - A record beyond the head that the store had when it was asked *after* the record came is not the store's.
/// - Where a record claims a partition offset that was let through with another id, one of the two is forged.
/// - The event that was let through last is held against the store's, one partition at a time.
struct ForgeryWatch {
  /// Where a partition let an event through that is not the store's.
  struct Forgery: Hashable {
    var partition: Partition
    var position: UInt64
  }

  /// An event that was let through.
  fileprivate struct Seen {
    var position: UInt64
    /// `nil` where it is not known.
    var id: EventID?
    /// Whether it is known to be the store's.
    var isGenuine: Bool
  }

  fileprivate struct State {
    /// The newest ones, each at its partition offset modulo their number.
    var recent: [Seen] = []
    /// The one that was let through last.
    var last: Seen?
    /// The largest partition offset that the bus brought.
    var fromBus: UInt64?
    /// Partition offsets that records with different ids have claimed.
    var suspects: Set<UInt64> = []
    /// A forgery was found: nothing more is asked.
    var isForged = false
  }

  /// For so many events of a partition the ids are kept.
  static let capacity = 128

  private var states: [Partition: State] = [:]
  /// The store's last partition offsets, as last told.
  private var heads: [UInt64] = []
  /// The partitions in which something is to be checked, in the order in which that is done.
  private var due: [Partition] = []
  /// Whether an event was let through of which it is not known that the store has come so far.
  private(set) var isBeyondHeads = false

  /// A partition is held from here on.
  /// - Parameter id: the id of the event that was applied last, where that is known.
  mutating func begin(_ partition: Partition, at position: UInt64?, id: EventID?) {
    var state = State()
    if let position, position > 0, let id {
      state.last = Seen(position: position, id: id, isGenuine: false)
    }
    states[partition] = state
  }

  /// Forgets all partitions.
  mutating func end() {
    states.removeAll()
    due.removeAll()
    isBeyondHeads = false
  }

  /// An event was let through.
  /// - Parameter isFromStore: whether the feed brought it, and not the bus.
  mutating func accept(
    _ partition: Partition, _ position: UInt64, id: EventID?, isFromStore: Bool = false
  ) {
    let seen = Seen(position: position, id: id, isGenuine: isFromStore)
    states[partition, default: State()].take(seen)
    guard !isFromStore else { return }
    if Int(partition) >= heads.count || position > heads[Int(partition)] { isBeyondHeads = true }
  }

  /// What a record is whose partition offset was let through before.
  enum Repetition: Equatable {
    /// The same event once more, as far as is known.
    case same
    /// Another event: not the one that was let through.
    case other
  }

  /// Notes a record whose partition offset was let through before.
  /// - Parameter id: tells its id; asked where it can be compared.
  mutating func repeated(
    _ partition: Partition, _ position: UInt64, id: () -> EventID?
  ) -> Repetition {
    guard let state = states[partition], let seen = state.seen(at: position), let known = seen.id
    else { return .same }
    guard known != id() else { return .same }
    if !seen.isGenuine, !state.isForged { states[partition]?.suspects.insert(position) }
    return .other
  }

  // MARK: - Asking the store

  /// The heads are being asked for: what has been let through so far, which the store must have by then.
  mutating func askForHeads() -> [Partition: UInt64] {
    isBeyondHeads = false
    return states.compactMapValues(\.fromBus)
  }

  /// Notes the store's heads.
  /// - Parameter asked: what ``askForHeads()`` told when they were asked for.
  /// - Returns: what was let through though the store does not have it; each partition once.
  mutating func learn(_ heads: [UInt64], asked: [Partition: UInt64]) -> [Forgery] {
    self.heads = heads
    var forgeries: [Forgery] = []
    for (partition, position) in asked where Int(partition) < heads.count {
      let head = heads[Int(partition)]
      // The partition may have begun anew since.
      guard head < position, let state = states[partition], !state.isForged,
        state.fromBus ?? 0 >= position
      else { continue }
      states[partition]?.isForged = true
      forgeries.append(Forgery(partition: partition, position: head + 1))
    }
    return forgeries.sorted { $0.partition < $1.partition }
  }

  /// The event of the store that is to be looked at next, where one is: first those that records with different ids have
  /// claimed, then, where `routine` is true, the last one of some partition.
  mutating func nextCheck(routine: Bool) -> Forgery? {
    for (partition, state) in states where !state.isForged {
      if let position = state.suspects.min() {
        return Forgery(partition: partition, position: position)
      }
    }
    guard routine else { return nil }
    if due.isEmpty { due = states.keys.sorted(by: >) }
    while let partition = due.popLast() {
      guard let state = states[partition], !state.isForged, let last = state.last, last.id != nil,
        !last.isGenuine, Int(partition) < heads.count, last.position <= heads[Int(partition)]
      else { continue }
      return Forgery(partition: partition, position: last.position)
    }
    return nil
  }

  /// Notes the store's event at a place that was to be looked at.
  /// - Parameter id: `nil` where the store has none there.
  /// - Returns: whether what was let through there is not the store's; told once.
  mutating func compare(_ place: Forgery, storeHas id: EventID?) -> Bool {
    guard var state = states[place.partition], !state.isForged else { return false }
    defer { states[place.partition] = state }
    state.suspects.remove(place.position)
    guard let seen = state.seen(at: place.position), let known = seen.id else { return false }
    if known == id {
      state.confirm(place.position)
      return false
    }
    state.isForged = true
    return true
  }
}

extension ForgeryWatch.State {
  mutating func take(_ seen: ForgeryWatch.Seen) {
    if !seen.isGenuine { fromBus = seen.position }
    last = seen
    let index = Int(seen.position % UInt64(ForgeryWatch.capacity))
    if index < recent.count {
      recent[index] = seen
    } else {
      // The first ones may begin anywhere.
      while recent.count < index {
        recent.append(ForgeryWatch.Seen(position: 0, id: nil, isGenuine: false))
      }
      recent.append(seen)
    }
    if !suspects.isEmpty {
      suspects = suspects.filter { $0 + UInt64(ForgeryWatch.capacity) > seen.position }
    }
  }

  func seen(at position: UInt64) -> ForgeryWatch.Seen? {
    if let last, last.position == position { return last }
    let index = Int(position % UInt64(ForgeryWatch.capacity))
    guard index < recent.count, recent[index].position == position else { return nil }
    return recent[index]
  }

  mutating func confirm(_ position: UInt64) {
    if last?.position == position { last?.isGenuine = true }
    let index = Int(position % UInt64(ForgeryWatch.capacity))
    if index < recent.count, recent[index].position == position {
      recent[index].isGenuine = true
    }
  }
}
