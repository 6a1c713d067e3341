import Eventually
import Foundation

extension Scenario {
  static let hostileScenarios = [
    Scenario(
      "hostile-client",
      "clients send extreme values, broken, huge and half requests, somebody forges records, and workers are killed",
      needs: [.orders], play: hostile)
  ]

  /// No process dies of an input, every accepted command is in the store and the read models, and everything else was
  /// refused.
  private static func hostile(_ stage: Stage) async throws {
    try await stage.pipeline.startBroker()
    let writer = try await stage.startWriter()
    for model in ReadModelRole.allCases {
      try await stage.startWorker(model, "\(model)-1")
    }
    let load = try stage.startLoad(entities: 120, rate: 30)
    let client = try HostileClient(
      writer, seed: stage.seed, requests: 1600, hasZero: stage.pipeline.database == nil)
    let attack = Task { await client.run() }
    defer { attack.cancel() }
    try await stage.begun(load, 20)
    try await forge(stage)
    for _ in 0..<5 {
      try await stage.pause(500...2000)
      guard let name = stage.workers.keys.sorted().randomElement(using: &stage.random),
        let worker = stage.workers[name]
      else { continue }
      try await ask(worker.process, stage)
      try isAlive(worker.process)
      stage.killWorker(name)
      try await stage.startWorker(worker.model, name)
    }
    await attack.value
    client.add(to: stage.tally)
    if let process = stage.pipeline.writer { try isAlive(process) }
    guard client.failures.isEmpty else {
      // Those of one kind begin alike.
      let kinds = Dictionary(client.failures.map { ($0.prefix(60), $0) }) { first, _ in first }
      throw NotAsExpected(
        "\(client.failures.count) answers that must not be: "
          + kinds.values.sorted().prefix(12).joined(separator: "\n"))
    }
    guard client.acknowledged.count > 50 else {
      throw NotAsExpected("only \(client.acknowledged.count) of \(client.sent) were accepted")
    }
    try await stage.loadEnds()
    try await stage.verify(ReadModelRole.allCases)
    _ = try await StoreInvariants(store: stage.pipeline.store).check(
      client.acknowledged, removed: client.removed, tally: stage.tally)
    try await stage.checkAll(ReadModelRole.allCases)
  }

  private static func isAlive(_ process: RunningProcess) throws {
    guard process.isRunning else {
      throw NotAsExpected("\(process.name) died of an input: \(process.lastWords)")
    }
  }

  /// Junk in every partition, events of the store in the wrong place or with other contents, and some far ahead of it.
  private static func forge(_ stage: Stage) async throws {
    let log = try await stage.log()
    let forger = Forger(stage.pipeline, store: log.storeID)
    for partition in Int32(0)..<4 {
      for number in 0..<10 {
        try await forger.produce(
          partition, key: "junk-\(number)", value: String(repeating: "x", count: number * 1000),
          headers: number % 2 == 0 ? [] : ["ce_source=\u{1B}[2J", "ce_position=\(UInt64.max).1.1"])
      }
    }
    for record in try await log.records(after: 5, limit: 6) {
      try await forger.copy(record, to: (record.position.partition + 1) % 4)
      var forged = record
      forged.payload = Array("{\"reason\":\"forged\"}".utf8)
      forged.type = "OrderCancelled"
      try await forger.copy(forged, to: record.position.partition)
      forged.position.partitionOffset = 1 << 62
      try await forger.copy(forged, to: record.position.partition)
    }
    stage.tally.add(.recordsForged, forger.count)
  }

  /// Asks a worker what it can't answer; a documented refusal is an answer.
  private static func ask(_ worker: RunningProcess, _ stage: Stage) async throws {
    var requests = HostileRequests(seed: stage.random.next())
    for _ in 0..<40 {
      guard case .http(let method, let path, _, _) = requests.read() else { continue }
      // What the client library refuses to send has not been asked.
      guard let answer = try? await worker.send(method, path, timeout: .seconds(40)) else {
        continue
      }
      guard (200..<500).contains(answer.status) || answer.status == 503 else {
        throw NotAsExpected(
          "\(method) \(path.prefix(200)) was answered \(answer.status): "
            + answer.body.prefix(300))
      }
    }
  }
}
