import Eventually
import EventuallyKafka
import HTTPTypes
import Hummingbird

/// A worker's health and readiness, over HTTP.
struct WorkerRoutes: Sendable {
  let name: ReadModelName
  let owner: String
  /// The worker, once it has begun.
  let worker: WorkerReference

  func add(to router: Router<BasicRequestContext>) {
    addHealth(to: router)
    router.get("/readyz") { _, _ in readiness() }
  }

  /// A worker is ready when it has an assignment and nothing keeps its partitions from going on.
  private func readiness() -> Reply {
    guard let worker = worker.value else {
      return Reply(.serviceUnavailable) { json in
        json.beginObject()
        json.key("status")
        json.string("starting")
        json.key("reasons")
        json.beginArray()
        json.string("waiting for the writer, to learn which store this is")
        json.endArray()
        json.endObject()
      }
    }
    let subscription = worker.subscriptionStatus
    let projector = worker.projectorStatus
    let reasons = Self.reasons(subscription, projector)
    return Reply(reasons.isEmpty ? .ok : .serviceUnavailable) { json in
      json.beginObject()
      json.key("status")
      json.string(reasons.isEmpty ? "ready" : "not ready")
      json.key("readModel")
      json.string(name.rawValue)
      json.key("worker")
      json.string(owner)
      json.key("reasons")
      json.beginArray()
      for reason in reasons { json.string(reason) }
      json.endArray()
      for (name, count) in Self.counts(subscription, projector) {
        json.key(name)
        json.integer(count)
      }
      json.key("partitions")
      json.beginArray()
      for (partition, state) in subscription.partitions.sorted(by: { $0.key < $1.key }) {
        Self.write(partition, state, &json)
      }
      json.endArray()
      json.endObject()
    }
  }

  private static func counts(
    _ subscription: SubscriptionStatus, _ projector: ReadModelProjectorStatus
  ) -> [(StaticString, UInt64)] {
    let lag = subscription.partitions.values.reduce(UInt64(0)) { sum, state in
      let position = state.position ?? 0
      return sum + (max(state.storeHead ?? 0, position) - position)
    }
    return [
      ("applied", projector.applied), ("transactions", projector.transactions),
      ("retries", projector.retries), ("lag", lag), ("rebalances", subscription.rebalances),
      ("duplicatesDropped", subscription.duplicates),
      ("gapsRepaired", subscription.gapsRepaired),
      ("eventsFromFeed", subscription.eventsFromFeed),
      ("foreignRecords", subscription.foreignRecords), ("fencings", subscription.fencings),
    ]
  }

  private static func write(
    _ partition: Partition, _ state: SubscriptionStatus.Assigned, _ json: inout JSONWriter
  ) {
    json.beginObject()
    json.key("partition")
    json.integer(partition)
    json.key("epoch")
    json.integer(state.epoch)
    json.key("position")
    if let position = state.position { json.integer(position) } else { json.null() }
    json.key("storeHead")
    if let head = state.storeHead { json.integer(head) } else { json.null() }
    json.endObject()
  }

  private static func reasons(
    _ subscription: SubscriptionStatus, _ projector: ReadModelProjectorStatus
  ) -> [String] {
    var reasons: [String] = []
    if !subscription.isAssigned {
      let why = subscription.failure.map { " (\($0))" } ?? ""
      reasons.append("the group has given this worker no assignment yet\(why)")
    }
    if let failure = projector.failure { reasons.append(failure) }
    for (partition, state) in subscription.partitions.sorted(by: { $0.key < $1.key }) {
      switch state.phase {
      case .consuming: break
      case .repairing(let missing):
        let why = state.failure.map { ": \($0)" } ?? ""
        reasons.append(
          "partition \(partition) lacks the events \(missing.lowerBound) to "
            + "\(missing.upperBound), and fetches them from the feed\(why)")
      case .abandoned:
        reasons.append("partition \(partition) was taken over by another worker")
      }
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
