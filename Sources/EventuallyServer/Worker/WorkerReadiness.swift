import Eventually
import EventuallyKafka
import HTTPTypes

/// A worker's readiness, over HTTP.
struct WorkerReadiness: Sendable {
  let name: String
  let adminCommand: String
  let owner: String
  let feed: FeedSource
  let source: OpenedReadModel
  /// The worker, once it has begun.
  let running: @Sendable () -> RunningWorker?

  /// Queries are answered while a read model is being built, and not from all events yet.
  static let building =
    "the read model is being built: it has not yet applied all that was in the store when that began"

  var operation: API.Operation {
    .vital(
      "/readyz",
      "Whether the worker's partitions go on: 503 where not, with the reasons; and how far "
        + "it is behind the store and the broker",
      answers: API.readiness(
        "WorkerReadiness", statuses: ["ready", "not ready", "starting"], Self.members,
        ready: [
          "status": "ready", "readModel": .init(stringLiteral: name), "worker": "host-1",
          "reasons": [], "lag": 0, "brokerLag": 0, "applied": 42, "parked": 0,
          "partitions": [
            ["partition": 0, "epoch": 3, "position": 24, "storeHead": 24, "lag": 0]
          ],
        ])
    ) { _ in await readiness() }
  }

  private static var members: [Schema.Member] {
    let lag = Schema.oneOf([.integer(0...(1 << 62)), .null])
    return [
      .optional("readModel", .string(minimum: 1)), .optional("worker", .string(minimum: 1)),
      .optional("lag", lag), .optional("brokerLag", lag),
      .optional("applied", .integer(0...(1 << 62))), .optional("parked", .integer(0...(1 << 62))),
      .optional("partitions", .array(.map(.any))),
    ]
  }

  /// A worker is ready when it has an assignment and nothing keeps its partitions from going on.
  private func readiness() async -> JSONResponse {
    guard let worker = running() else {
      return JSONResponse(.serviceUnavailable) { json in
        json.beginObject()
        json.member("status", "starting")
        json.member(
          "reasons", [feed.waitingReason])
        json.endObject()
      }
    }
    var fileReasons: [String] = []
    var unapplied: UnappliedCounts?
    var removals: PendingRemovals?
    do {
      let look = try await source.look()
      (unapplied, removals) = (look.unapplied, look.removals)
      if look.isBuilding { fileReasons.append(Self.building) }
    } catch {
      fileReasons.append("\(error)")
    }
    // After the file was read, which may take a while: what the worker says is as of the answer.
    let subscription = worker.subscription()
    let projector = worker.projector()
    let reasons = reasons(subscription, projector) + fileReasons
    return JSONResponse(reasons.isEmpty ? .ok : .serviceUnavailable) { json in
      json.beginObject()
      json.member("status", reasons.isEmpty ? "ready" : "not ready")
      json.member("readModel", name)
      json.member("worker", owner)
      json.member("reasons", reasons)
      Self.writeLag(subscription, &json)
      for (name, count) in Self.counts(subscription, projector) { json.member(name, count) }
      Self.write(unapplied, &json)
      write(removals, worker.left(), &json)
      Self.writeAges(subscription, &json)
      json.key("partitions")
      json.beginArray()
      for (partition, state) in subscription.partitions.sorted(by: { $0.key < $1.key }) {
        Self.write(partition, state, subscription, &json)
      }
      json.endArray()
      json.endObject()
    }
  }

  private static func counts(
    _ subscription: SubscriptionStatus, _ projector: ReadModelProjectorStatus
  ) -> [(StaticString, UInt64)] {
    [
      ("applied", projector.applied), ("transactions", projector.transactions),
      ("retries", projector.retries),
      ("parked", projector.parked), ("rebalances", subscription.rebalances),
      ("duplicatesDropped", subscription.duplicates),
      ("gapsRepaired", subscription.gapsRepaired),
      ("eventsFromFeed", subscription.eventsFromFeed),
      ("rejectedRecords", subscription.rejectedRecords), ("fencings", subscription.fencings),
    ]
  }

  /// How far the worker's partitions are behind in all; null where that is not known of one of them, or not which it has.
  static func writeLag(_ subscription: SubscriptionStatus, _ json: inout JSONWriter) {
    let now = ContinuousClock.now
    func sum(_ lag: (Partition) -> UInt64?) -> UInt64? {
      guard subscription.isAssigned else { return nil }
      return subscription.partitions.keys.reduce(0) { sum, partition in
        guard let sum, let lag = lag(partition) else { return nil }
        return sum + lag
      }
    }
    json.member("lag", optional: sum { subscription.lag(of: $0, at: now) })
    json.member("brokerLag", optional: sum { subscription.brokerLag(of: $0, at: now) })
  }

  /// What the read model has not applied, whichever worker set it aside.
  private static func write(_ unapplied: UnappliedCounts?, _ json: inout JSONWriter) {
    guard let unapplied else { return }
    json.member("parkedStreams", unapplied.parkedStreams)
    json.member("parkedEvents", unapplied.parkedEvents)
    json.member("droppedEvents", unapplied.droppedEvents)
    json.member("rejectedRecordsKept", unapplied.rejectedRecords)
  }

  /// The removed streams of which something may be left in the read model's files, and why.
  private func write(
    _ removals: PendingRemovals?, _ left: [ForgettingOutcome.Remainder], _ json: inout JSONWriter
  ) {
    guard let removals else { return }
    json.member("removalsPending", removals.count)
    if let since = removals.since { json.member("removalsPendingSince", since.description) }
    guard removals.count > 0, !left.isEmpty else { return }
    json.member("removalsLeft", left.map { "\($0.location): \($0.reason)" })
  }

  /// How old what is said of the store and of the broker is.
  private static func writeAges(_ subscription: SubscriptionStatus, _ json: inout JSONWriter) {
    let now = ContinuousClock.now
    json.member(
      "storeHeardMillisecondsAgo",
      optional: subscription.headsHeard.map { (now - $0).milliseconds })
    json.member(
      "brokerHeardMillisecondsAgo",
      optional: subscription.broker.heard.map { (now - $0).milliseconds })
    if let failure = subscription.feedFailure { json.member("feedFailure", failure) }
  }

  private static func write(
    _ partition: Partition, _ state: SubscriptionStatus.Assigned,
    _ subscription: SubscriptionStatus, _ json: inout JSONWriter
  ) {
    json.beginObject()
    json.member("partition", partition)
    json.member("epoch", state.epoch)
    json.member("position", optional: state.position)
    json.member("storeHead", optional: state.storeHead)
    json.member("nextOffset", optional: state.nextOffset)
    json.member("brokerEnd", optional: subscription.broker.ends[partition])
    json.member("lag", optional: subscription.lag(of: partition))
    if case .forged(let position) = state.phase { json.member("forgedAt", position) }
    json.endObject()
  }

  /// What keeps the worker's partitions from going on.
  func reasons(
    _ subscription: SubscriptionStatus, _ projector: ReadModelProjectorStatus
  ) -> [String] {
    var reasons: [String] = []
    if !subscription.isAssigned {
      let why = subscription.failure.map { " (\($0))" } ?? ""
      reasons.append("the group has given this worker no assignment yet\(why)")
    }
    if !subscription.foreignPartitions.isEmpty {
      reasons.append(
        "the topic has the partitions \(subscription.foreignPartitions), which the store does not have: name another topic"
      )
    }
    if let failure = subscription.broker.failure {
      reasons.append("the broker does not answer: \(failure)")
    } else if let age = subscription.broker.heard.map({ ContinuousClock.now - $0 }),
      age > .seconds(8)
    {
      reasons.append("the broker has not answered for \(age.components.seconds) s")
    }
    if let failure = projector.failure { reasons.append(failure) }
    for (partition, state) in subscription.partitions.sorted(by: { $0.key < $1.key }) {
      reasons += self.reasons(partition, state)
    }
    return reasons
  }

  private func reasons(
    _ partition: Partition, _ state: SubscriptionStatus.Assigned
  ) -> [String] {
    var reasons: [String] = []
    switch state.phase {
    case .consuming:
      if let stall = state.stall {
        let why = stall.reason.map { ": \($0)" } ?? ""
        reasons.append(
          "partition \(partition) stands at partition offset \(state.position ?? 0): neither a record nor its end "
            + "came from the broker while the worker waited for \(stall.waited.components.seconds) s\(why)"
        )
      }
    case .repairing(let missing):
      let why = state.failure.map { ": \($0)" } ?? ""
      reasons.append(
        "partition \(partition) lacks the events \(missing.lowerBound) to "
          + "\(missing.upperBound), and fetches them from the feed\(why)")
    case .fenced:
      reasons.append(
        state.isAheadOfCheckpoint
          ? "what was applied of partition \(partition) was taken back by a crash of the read model's database, and is applied again"
          : "partition \(partition) was taken over by another worker")
    case .forged(let position):
      reasons.append(
        "a forged event was applied at partition \(partition), partition offset "
          + "\(position): run \(adminCommand) repair \(name)")
      return reasons
    }
    if state.isStoreBehind {
      reasons.append(
        "partition \(partition) of the store ends at \(state.storeHead ?? 0), before position "
          + "\(state.position ?? 0), which was applied already: was the store restored from an older copy, or was "
          + "a forged event applied? Then run \(adminCommand) repair \(name)"
      )
    }
    return reasons
  }
}
