import Eventually
import Foundation
import EventuallyServer

/// Asks all workers again and again how they are, counts what they did, and holds what they say against the read models.
final class Observer: Sendable {
  private struct Watched {
    var endpoint: HTTPEndpoint
    var model: PlayedReadModel
    var counts: [Tally.Count: Int] = [:]
    var answer = Answer()
  }

  /// What a worker said last.
  struct Answer: Sendable {
    var status: UInt = 0
    var body = ""
    var partitions: [Partition: UInt64] = [:]
    var isReady: Bool { status == 200 }
  }

  private struct State {
    var watched: [Int32: Watched] = [:]
    var violations: [String] = []
    /// Whether what workers say of their positions is looked up in their files.
    var readsFiles = true
  }

  private let state = Locked(State())
  private let tally: Tally
  private let readModels: String

  init(tally: Tally, readModels: String) {
    self.tally = tally
    self.readModels = readModels
  }

  /// What workers said that was not true.
  var violations: [String] { state.withLock { $0.violations } }

  /// To look into a file would change it, for a while.
  func setReadsFiles(_ readsFiles: Bool) {
    state.withLock { $0.readsFiles = readsFiles }
  }

  func add(_ process: Int32, _ endpoint: HTTPEndpoint, _ model: PlayedReadModel) {
    state.withLock { $0.watched[process] = Watched(endpoint: endpoint, model: model) }
  }

  /// A process is about to end, or has: what it counted is added to the tally.
  func remove(_ process: Int32) {
    let counts = state.withLock { $0.watched.removeValue(forKey: process)?.counts ?? [:] }
    for (count, number) in counts { tally.add(count, number) }
  }

  /// What a worker said last.
  func answer(_ process: Int32) -> Answer {
    state.withLock { $0.watched[process]?.answer ?? Answer() }
  }

  /// How much of something a worker has counted.
  func count(_ process: Int32, _ count: Tally.Count) -> Int {
    state.withLock { $0.watched[process]?.counts[count] ?? 0 }
  }

  /// Watches until it is cancelled.
  func run() async {
    while !Task.isCancelled {
      let watched = state.withLock {
        $0.watched.map { ($0.key, $0.value.endpoint, $0.value.model) }
      }
      for (process, endpoint, model) in watched { await look(process, endpoint, model) }
      // A cancelled pause ends the loop by its condition.
      try? await Task.sleep(for: .milliseconds(50))
    }
  }

  private func look(_ process: Int32, _ endpoint: HTTPEndpoint, _ model: PlayedReadModel) async {
    // A process that does not answer says nothing that could be wrong.
    guard
      let reply = try? await endpoint.send("GET", "/readyz", timeout: .seconds(2)),
      let body = try? JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any]
    else { return }
    var answer = Answer(
      status: reply.status, body: String(decoding: reply.body, as: UTF8.self))
    for case let partition as [String: Any] in body["partitions"] as? [Any] ?? [] {
      guard let number = partition["partition"] as? Int else { continue }
      answer.partitions[Partition(number)] = UInt64(partition["position"] as? Int ?? 0)
    }
    state.withLock { state in
      guard state.watched[process] != nil else { return }
      state.watched[process]?.answer = answer
      for (key, count) in Self.counted {
        if let number = body[key] as? Int { state.watched[process]?.counts[count] = number }
      }
    }
    await check(answer, of: process, model)
  }

  private static let counted: [(String, Tally.Count)] = [
    ("fencings", .zombiesFenced), ("rebalances", .rebalances), ("gapsRepaired", .gapsRepaired),
    ("eventsFromFeed", .eventsFromFeed), ("duplicatesDropped", .duplicatesDropped),
    ("rejectedRecords", .rejectedRecords), ("parked", .eventsParked),
  ]

  /// A worker that calls itself ready has all that it says it has in its file.
  private func check(_ answer: Answer, of process: Int32, _ model: PlayedReadModel) async {
    guard answer.isReady, state.withLock({ $0.readsFiles }),
      let reader = try? await model.reader(in: readModels),
      let checkpoints = try? await reader.checkpoints()
    else { return }
    tally.add(.readinessChecked)
    for (partition, position) in answer.partitions {
      let stored = checkpoints.first { $0.partition == partition }?.position ?? 0
      if stored < position {
        let words =
          "the worker \(process) of \(model.name) says that it has applied partition "
          + "\(partition) up to \(position), but its file has it up to \(stored)"
        state.withLock { $0.violations.append(words) }
      }
    }
  }
}
