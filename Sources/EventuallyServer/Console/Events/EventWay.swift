import Eventually
import EventuallyKafka

/// How far an event is on its way: whether it is published, and what each read model has done with it. Decided from what is known of the store,
/// of the relay and of the read models; nothing is asked here.
enum EventWay {
  /// Whether the topic has an event.
  struct Published: Equatable {
    enum State: String, CaseIterable { case published, waiting, held, skipped }

    var state: State
    /// When the broker has acknowledged it; `nil` where that is not known any more.
    var times: ClosedRange<Timestamp>?
    /// Where the topic has it; `nil` where that is not known.
    var offset: Int64?
    /// What to know of the state.
    var why: String?
  }

  /// What is known of the relay.
  struct Relay {
    /// The sequence number up to which everything is acknowledged.
    var published: UInt64
    /// How far single partitions are, where some are further than others.
    var progress: PublishedProgress?
    /// What this process's publisher knows of the event.
    var acknowledgement: Acknowledgement?
    /// Whether a placeholder is published in the event's place.
    var isSkipped: Bool
  }

  static func published(_ position: EventPosition, _ relay: Relay) -> Published {
    if relay.isSkipped {
      return Published(
        state: .skipped, times: relay.acknowledgement?.times,
        offset: relay.acknowledgement?.offset,
        why: "a placeholder is published in its place: workers take the event from the feed")
    }
    if let acknowledgement = relay.acknowledgement {
      return Published(
        state: .published, times: acknowledgement.times, offset: acknowledgement.offset)
    }
    let partition = Int(position.partition)
    let end = relay.progress.flatMap { progress in
      progress.partitions.indices.contains(partition) ? progress.partitions[partition] : nil
    }
    if position.sequenceNumber <= relay.published
      || end.map({ position.partitionOffset <= $0 }) == true
    {
      return Published(state: .published)
    }
    let refused = relay.progress?.refused.first {
      $0.position.partition == position.partition
        && $0.position.partitionOffset <= position.partitionOffset
    }
    guard let refused else { return Published(state: .waiting) }
    let isItself = refused.position.partitionOffset == position.partitionOffset
    return Published(
      state: .held,
      why: isItself
        ? "\(refused)"
        : "the event at partition offset \(refused.position.partitionOffset) holds the partition: \(refused.reason)"
    )
  }

  /// What a read model has done with an event.
  struct Applied: Equatable {
    enum State: String, CaseIterable {
      case applied, parked, waiting, discarded, unknown
      case passedOver = "passed over"
    }

    var state: State
    var times: ClosedRange<Timestamp>?
    var worker: String?
    var why: String?
    /// Whether it was parked, and applied by a retry.
    var isRetried = false
  }

  /// What is known of a read model.
  struct ReadModelFacts {
    /// Whether it takes events of the stream.
    var isTaken: Bool
    /// The partition offset up to which the event's partition is applied; `nil` for nothing.
    var position: UInt64?
    /// Why the event is parked, and since when its stream is; `nil` where it is not.
    var parked: (reason: String, since: Timestamp)?
    /// Whether it was parked and then given up.
    var isDiscarded: Bool
    /// The batches that it was in.
    var run: AppliedRun?
  }

  static func applied(_ position: EventPosition, _ facts: ReadModelFacts) -> Applied {
    if let parked = facts.parked {
      return Applied(
        state: .parked, times: parked.since...parked.since, why: parked.reason)
    }
    if facts.isDiscarded {
      return Applied(state: .discarded, why: "it was parked, and given up by an administrator")
    }
    guard facts.position ?? 0 >= position.partitionOffset else {
      guard facts.isTaken else {
        return Applied(state: .passedOver, why: Self.notTaken)
      }
      return Applied(
        state: .waiting,
        why:
          "the partition is applied up to partition offset \(facts.position ?? 0), and the event is at "
          + "\(position.partitionOffset)")
    }
    if !facts.isTaken { return Applied(state: .passedOver, why: Self.notTaken) }
    return Applied(
      state: .applied, times: facts.run?.times, worker: facts.run?.worker,
      isRetried: facts.run?.isRetry ?? false)
  }

  /// How far an event is in all.
  enum Summary: Equatable {
    case parked([String]), discarded([String]), waiting([String]), unknown([String])
    /// By all that take it; how long after its append in milliseconds, or `nil` where that is not known of one of them.
    case applied(after: Double?)
    case none
  }

  /// The worst of what read models have done with an event that was appended at a time.
  static func summary(
    _ legs: [(readModel: String, applied: Applied)], appended: Timestamp
  ) -> Summary {
    func names(_ state: Applied.State) -> [String]? {
      let names = legs.filter { $0.applied.state == state }.map(\.readModel)
      return names.isEmpty ? nil : names
    }
    if let parked = names(.parked) { return .parked(parked) }
    if let discarded = names(.discarded) { return .discarded(discarded) }
    if let waiting = names(.waiting) { return .waiting(waiting) }
    if let unknown = names(.unknown) { return .unknown(unknown) }
    let applied = legs.filter { $0.applied.state == .applied }
    guard !applied.isEmpty else { return .none }
    let durations = applied.map { leg in
      leg.applied.times.flatMap { milliseconds(from: appended, to: $0.upperBound) }
    }
    return .applied(after: durations.contains(nil) ? nil : durations.compactMap { $0 }.max())
  }

  static let notTaken = "it takes no events of this category"

  /// How long it is from one moment to another, in milliseconds; none where clocks contradict each other.
  static func milliseconds(from begin: Timestamp, to end: Timestamp) -> Double? {
    let difference = Double(end.microseconds) - Double(begin.microseconds)
    return difference < 0 ? nil : difference / 1_000
  }
}
