import CoreMetrics
import Eventually
import EventuallyKafka
import EventuallySQLite
import HTTPTypes
import Hummingbird

/// A worker's readiness, over HTTP.
struct WorkerRoutes: Sendable {
  let name: ReadModelName
  let owner: String
  /// The worker, once it has begun.
  let worker: WorkerReference
  let queries: QueryRoutes

  func add(to api: inout API) {
    api.addMetrics(.shared) { refreshMetrics() }
    api.add(
      API.Operation(
        method: .get, path: "/readyz",
        summary:
          "Whether the worker's partitions go on: 503 where not, with the reasons; and how far "
          + "it is behind the store and the broker", isVital: true,
        answers: [API.Answer(200, "Ready"), API.Answer(503, "Not ready, with the reasons")]
      ) { _, _ in await readiness() })
  }

  /// The lag of the worker's partitions, as of now.
  private func refreshMetrics() {
    guard let worker = worker.value else { return }
    let now = Timestamp.now().microseconds
    for (partition, state) in worker.subscriptionStatus.partitions {
      let dimensions = [("read_model", name.rawValue), ("partition", "\(partition)")]
      let position = state.position ?? 0
      let lag = max(state.storeHead ?? 0, position) - position
      Gauge(label: MetricName.lagEvents, dimensions: dimensions).record(lag)
      let age = state.appliedTime.map { Double(max(0, now - $0.microseconds)) / 1e6 } ?? 0
      Gauge(label: MetricName.lagSeconds, dimensions: dimensions).record(lag == 0 ? 0 : age)
    }
  }

  /// A worker is ready when it has an assignment and nothing keeps its partitions from going on.
  private func readiness() async -> Reply {
    guard let worker = worker.value else {
      return Reply(.serviceUnavailable) { json in
        json.beginObject()
        json.member("status", "starting")
        json.member(
          "reasons", ["waiting for the writer, to learn which store this is"])
        json.endObject()
      }
    }
    let subscription = worker.subscriptionStatus
    let projector = worker.projectorStatus
    var reasons = Self.reasons(subscription, projector, name)
    var setAside: ReadModelReader.SetAside?
    do {
      if let reader = try queries.sources[name]?.open() {
        setAside = try await reader.setAside()
        if try await reader.isBuilding() { reasons.append(Self.building) }
      }
    } catch {
      reasons.append("\(error)")
    }
    return Reply(reasons.isEmpty ? .ok : .serviceUnavailable) { json in
      json.beginObject()
      json.member("status", reasons.isEmpty ? "ready" : "not ready")
      json.member("readModel", name.rawValue)
      json.member("worker", owner)
      json.member("reasons", reasons)
      for (name, count) in Self.counts(subscription, projector) { json.member(name, count) }
      Self.write(setAside, &json)
      Self.writeAges(subscription, &json)
      json.key("partitions")
      json.beginArray()
      for (partition, state) in subscription.partitions.sorted(by: { $0.key < $1.key }) {
        Self.write(partition, state, subscription.broker, &json)
      }
      json.endArray()
      json.endObject()
    }
  }

  /// Queries are answered while a read model is being built, and not from all events yet.
  static let building =
    "the read model is being built: it has not yet applied all that was in the store when that began"

  private static func counts(
    _ subscription: SubscriptionStatus, _ projector: ReadModelProjectorStatus
  ) -> [(StaticString, UInt64)] {
    var storeLag: UInt64 = 0
    var brokerLag: UInt64 = 0
    for (partition, state) in subscription.partitions {
      let position = state.position ?? 0
      storeLag += max(state.storeHead ?? 0, position) - position
      if let end = subscription.broker.ends[partition] {
        brokerLag += UInt64(max(0, end - (state.nextOffset ?? 0)))
      }
    }
    return [
      ("lag", storeLag), ("brokerLag", brokerLag), ("applied", projector.applied),
      ("transactions", projector.transactions), ("retries", projector.retries),
      ("parked", projector.parked), ("rebalances", subscription.rebalances),
      ("duplicatesDropped", subscription.duplicates),
      ("gapsRepaired", subscription.gapsRepaired),
      ("eventsFromFeed", subscription.eventsFromFeed),
      ("foreignRecords", subscription.foreignRecords), ("fencings", subscription.fencings),
    ]
  }

  /// What the read model has not applied, whichever worker set it aside.
  private static func write(_ setAside: ReadModelReader.SetAside?, _ json: inout JSONWriter) {
    guard let setAside else { return }
    json.member("parkedStreams", setAside.parkedStreams)
    json.member("parkedEvents", setAside.parkedEvents)
    json.member("droppedEvents", setAside.droppedEvents)
    json.member("foreignRecordsKept", setAside.foreignRecords)
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
    _ partition: Partition, _ state: SubscriptionStatus.Assigned, _ broker: BrokerStatus,
    _ json: inout JSONWriter
  ) {
    json.beginObject()
    json.member("partition", partition)
    json.member("epoch", state.epoch)
    json.member("position", optional: state.position)
    json.member("storeHead", optional: state.storeHead)
    json.member("nextOffset", optional: state.nextOffset)
    json.member("brokerEnd", optional: broker.ends[partition])
    if case .forged(let position) = state.phase { json.member("forgedAt", position) }
    json.endObject()
  }

  private static func reasons(
    _ subscription: SubscriptionStatus, _ projector: ReadModelProjectorStatus, _ name: ReadModelName
  ) -> [String] {
    var reasons: [String] = []
    if !subscription.isAssigned {
      let why = subscription.failure.map { " (\($0))" } ?? ""
      reasons.append("the group has given this worker no assignment yet\(why)")
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
      reasons += Self.reasons(partition, state, name)
    }
    return reasons
  }

  private static func reasons(
    _ partition: Partition, _ state: SubscriptionStatus.Assigned, _ name: ReadModelName
  ) -> [String] {
    var reasons: [String] = []
    switch state.phase {
    case .consuming: break
    case .repairing(let missing):
      let why = state.failure.map { ": \($0)" } ?? ""
      reasons.append(
        "partition \(partition) lacks the events \(missing.lowerBound) to "
          + "\(missing.upperBound), and fetches them from the feed\(why)")
    case .abandoned:
      reasons.append("partition \(partition) was taken over by another worker")
    case .forged(let position):
      reasons.append(
        "a forged or foreign event was applied at partition \(partition), partition offset "
          + "\(position): run eventuallyctl repair \(name.rawValue)")
      return reasons
    }
    if state.isStoreBehind {
      reasons.append(
        "partition \(partition) of the store ends at \(state.storeHead ?? 0), before position "
          + "\(state.position ?? 0), which was applied already: was the store restored from an older copy, or was "
          + "a forged event applied? Then run eventuallyctl repair \(name.rawValue)"
      )
    }
    return reasons
  }
}

/// A worker that begins after its HTTP interface does.
final class WorkerReference: Sendable {
  private let reference = Locked<(any WorkerStatusSource)?>(nil)

  var value: (any WorkerStatusSource)? {
    get { reference.withLock { $0 } }
    set { reference.withLock { $0 = newValue } }
  }
}
