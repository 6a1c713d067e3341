import Eventually
import Foundation
import EventuallyServer

/// A worker that plays in a scenario.
final class Worker {
  let name: String
  let model: ReadModelRole
  let process: RunningProcess
  let endpoint: HTTPEndpoint

  init(_ name: String, _ model: ReadModelRole, _ process: RunningProcess, _ endpoint: HTTPEndpoint)
  {
    self.name = name
    self.model = model
    self.process = process
    self.endpoint = endpoint
  }
}

/// Where a scenario is played: the processes, the clients, and what is known of them.
final class Stage {
  let application: any TortureApplication
  let choice: KafkaChoice
  let pipeline: Pipeline
  /// The hosts of a scenario that has some.
  let network: HostNetwork?
  let tally: Tally
  let observer: Observer
  let seed: UInt64
  /// What is random in a scenario follows from the seed.
  var random: SeededRandom
  private(set) var workers: [String: Worker] = [:]
  private var writerEndpoint: HTTPEndpoint?
  private(set) var others: [OtherWriter] = []
  private var loads: [(load: Load, task: Task<Void, Never>)] = []
  private let observing: Task<Void, Never>

  init(
    seed: UInt64, tally: Tally, on choice: KafkaChoice, with application: any TortureApplication,
    network: HostNetwork?, database: ScenarioDatabase?
  ) throws {
    let pipeline = try Pipeline(
      on: choice, of: application.executables, topic: application.name, database: database)
    self.application = application
    self.choice = choice
    let observer = Observer(tally: tally, readModels: pipeline.readModels)
    self.pipeline = pipeline
    self.network = network
    self.tally = tally
    self.observer = observer
    self.seed = seed
    random = SeededRandom(seed: seed)
    observing = Task { await observer.run() }
  }

  /// Ends everything that still runs.
  func close() async {
    for (_, task) in loads { task.cancel() }
    for (_, task) in loads { await task.value }
    for other in others { other.process.kill() }
    observing.cancel()
    await observing.value
    for worker in workers.values { observer.remove(worker.process.processID) }
    workers.removeAll()
  }

  // MARK: - The writer

  /// Starts the writer, or starts it again.
  @discardableResult
  func startWriter(
    at place: ProcessPlace = .here, faults: String? = nil, environment: [String: String] = [:],
    kafka settings: String...
  ) async throws -> HTTPEndpoint {
    let endpoint = try pipeline.endpoint(
      try await pipeline.harness.startWriter(
        at: place, settings.flatMap { ["--kafka", $0] },
        environment: ApplicationHarness.environment(faults, environment)))
    writerEndpoint = endpoint
    return endpoint
  }

  /// Starts the writer again, which may be dead before it serves.
  func startWriterThatDies(faults: String) async throws {
    try await pipeline.harness.launchWriter([], environment: Self.faults(faults))
  }

  var writer: HTTPEndpoint {
    get throws {
      guard let writerEndpoint else { throw NotAsExpected("there is no writer") }
      return writerEndpoint
    }
  }

  func killWriter() {
    pipeline.writer?.kill()
    tally.add(.writersKilled)
  }

  /// Waits until the writer has killed itself at a fault point.
  func writerDies(within limit: Duration = .seconds(60)) async throws {
    try await dies(pipeline.writer, within: limit)
    tally.add(.writersKilled)
  }

  /// Adds a writer of the same store, beside ``writer``; one that has ended is started again at its address.
  @discardableResult
  func startOtherWriter(
    _ number: Int = 0, at place: ProcessPlace = .here
  ) async throws -> OtherWriter {
    let harness = pipeline.harness
    let file = pipeline.file("writer-\(number + 2).url")
    let known = others.indices.contains(number) ? others[number] : nil
    try? FileManager.default.removeItem(atPath: file)
    let process = try await harness.start(
      application.executables.writer,
      [
        "serve", "--store", pipeline.store, "--partitions", "\(harness.partitions)",
        "--address-file", file, "--listen",
        known?.endpoint.base.replacing("http://", with: "") ?? "\(place.address):0",
      ] + pipeline.kafkaArguments, at: place)
    try await process.serves(addressFile: file)
    let other = OtherWriter(process: process, endpoint: try pipeline.endpoint(process))
    if known == nil { others.append(other) } else { others[number] = other }
    return other
  }

  // MARK: - Workers

  /// The read model that has a part in the scenario.
  func model(_ role: ReadModelRole) -> PlayedReadModel {
    let models = application.readModels
    return models[min(role.rawValue, models.count - 1)]
  }

  /// The name of the first read model.
  var first: String { model(.first).name }

  /// The names of the read models, each once.
  func names(_ roles: [ReadModelRole]) -> [String] {
    Set(roles.map { model($0).name }).sorted()
  }

  static func faults(_ faults: String?) -> [String: String] {
    ApplicationHarness.environment(faults)
  }

  @discardableResult
  func startWorker(
    _ role: ReadModelRole, _ name: String, at place: ProcessPlace = .here, faults: String? = nil,
    feed: String? = nil
  ) async throws -> Worker {
    let (process, endpoint) = try await pipeline.startProjector(
      model(role).name, feed: try feed ?? writer.base, worker: name,
      at: place, environment: Self.faults(faults))
    let worker = Worker(name, role, process, endpoint)
    workers[name] = worker
    observer.add(process.processID, endpoint, model(role))
    tally.add(.workersAdded)
    return worker
  }

  func killWorker(_ name: String) {
    guard let worker = workers.removeValue(forKey: name) else { return }
    worker.process.kill()
    observer.remove(worker.process.processID)
    tally.add(.workersKilled)
  }

  /// Waits until a worker has killed itself at a fault point.
  func workerDies(_ name: String) async throws {
    try await dies(workers[name]?.process)
    if let worker = workers.removeValue(forKey: name) {
      observer.remove(worker.process.processID)
    }
    tally.add(.workersKilled)
  }

  /// Stops a worker in order; it must not take long, and must end well.
  func stopWorker(_ name: String) async throws {
    guard let worker = workers.removeValue(forKey: name) else { return }
    let code = try await worker.process.stop()
    observer.remove(worker.process.processID)
    tally.add(.workersRemoved)
    guard code == 0 else {
      throw NotAsExpected("\(name) ended with \(code): \(worker.process.lastWords)")
    }
  }

  private func dies(_ process: RunningProcess?, within limit: Duration = .seconds(60)) async throws
  {
    guard let process else { throw NotAsExpected("there is no such process") }
    let code = try await process.exitCode(within: limit)
    guard code == 128 + SIGKILL else {
      throw NotAsExpected("\(process.name) ended with \(code): \(process.lastWords)")
    }
  }

  /// Waits until a worker calls itself ready.
  func becomesReady(_ worker: Worker, within limit: Duration = .seconds(60)) async throws {
    try await waitUntil(
      "\(worker.name) is ready", within: limit,
      seen: {
        "\(self.observer.answer(worker.process.processID).body) \(worker.process.lastWords)"
      }
    ) {
      guard worker.process.isRunning else {
        throw NotAsExpected("\(worker.name) has ended: \(worker.process.lastWords)")
      }
      return try await worker.endpoint.text("/readyz").status == 200
    }
  }

  /// Waits until a worker says that it is not ready, for a reason with certain words in it.
  func becomesUnready(_ worker: Worker, because words: String) async throws {
    var body = ""
    try await waitUntil("\(worker.name) is not ready: \(words)", seen: { body }) {
      let answer = try await worker.endpoint.text("/readyz")
      body = answer.body
      return answer.status == 503 && body.contains(words)
    }
  }

  /// Waits until a worker has counted something.
  func counts(_ worker: Worker, _ count: Tally.Count, atLeast least: Int = 1) async throws {
    let process = worker.process.processID
    try await waitUntil(
      "\(least) \(count.rawValue) at \(worker.name)",
      seen: { "\(self.observer.answer(process).body) \(worker.process.lastWords)" }
    ) { self.observer.count(process, count) >= least }
  }

  // MARK: - Clients

  /// Lets clients send the commands of so many entities to all writers, until all are sent or the scenario ends.
  @discardableResult
  func startLoad(
    entities: Int, rate: Int = 60, timeout: Duration = .seconds(10)
  ) throws -> Load {
    let load = Load(
      [try writer] + others.map(\.endpoint), of: application,
      seed: seed &* 100 &+ UInt64(loads.count) &+ 1,
      entities: entities, rate: rate, timeout: timeout)
    loads.append((load, Task { await load.run() }))
    return load
  }

  /// Waits until clients have begun so many entities.
  func begun(_ load: Load, _ entities: Int) async throws {
    try await waitUntil("\(entities) entities", seen: { "\(load.begun) \(load.failures)" }) {
      load.begun >= entities
    }
  }

  /// A pause of random length, in which whatever runs goes on.
  func pause(_ range: ClosedRange<Int>) async throws {
    try await Task.sleep(for: .milliseconds(Int.random(in: range, using: &random)))
  }

  /// Starts broker, writer and one worker, and lets clients send commands until their events are in the read model.
  func playUndisturbed(entities: Int) async throws {
    try await pipeline.startBroker()
    try await startWriter()
    try await startWorker(.first, "first-1")
    try startLoad(entities: entities)
    try await loadEnds()
    try await verify([.first])
  }

  // MARK: - The end

  /// Waits for all clients to be done.
  func loadEnds() async throws {
    for (load, task) in loads {
      await withTaskCancellationHandler {
        await task.value
      } onCancel: {
        task.cancel()
      }
      try Task.checkCancellation()
      if let failure = load.failures.first {
        throw NotAsExpected("\(load.failures.count) clients were failed: \(failure)")
      }
    }
  }

  /// Checks everything that must hold, once all is quiet, and stops all processes in order.
  func checkAll(_ models: [ReadModelRole]) async throws {
    try await loadEnds()
    try await verify(models)
    try await checkStore()
    try await checkHealth()
    for name in workers.keys.sorted() { try await stopWorker(name) }
    for process in [pipeline.writer].compactMap({ $0 }) + others.map(\.process)
    where process.isRunning {
      let code = try await process.stop()
      guard code == 0 else {
        throw NotAsExpected("the writer ended with \(code): \(process.lastWords)")
      }
    }
    let violations = observer.violations
    guard violations.isEmpty else {
      throw NotAsExpected("\(violations.count) untrue answers: \(violations[0])")
    }
  }

  /// Every acknowledged append is in the store, and its sequences are whole.
  func checkStore() async throws {
    let acknowledged = loads.flatMap(\.load.acknowledged)
    let removed = loads.reduce(into: Set<String>()) { $0.formUnion($1.load.removed) }
    tally.add(.appendsAcknowledged, acknowledged.count)
    let events = try await StoreInvariants(store: pipeline.store).check(
      acknowledged, removed: removed, tally: tally)
    tally.add(.eventsInStore, events)
  }

  /// The read models are the fold of the store's events, row by row.
  func verify(_ models: [ReadModelRole]) async throws {
    do {
      _ = try await pipeline.harness.verify(names(models))
    } catch let error as NotAsExpected {
      RowDifferences(error.description).add(to: tally)
      let logs = workers.values.map { "\($0.name): \($0.process.lastWords)" }
      throw NotAsExpected("\(error)\n\(logs.joined(separator: "\n"))")
    }
    tally.add(.rowsVerified, models.count)
  }

  /// No loop of any process hangs.
  private func checkHealth() async throws {
    for endpoint in [try writer] + others.map(\.endpoint) + workers.values.map(\.endpoint) {
      let answer = try await endpoint.text("/healthz")
      guard answer.status == 200 else {
        throw NotAsExpected("\(endpoint.base) is not healthy: \(answer.body)")
      }
    }
  }
}

/// A writer beside the first.
struct OtherWriter {
  let process: RunningProcess
  let endpoint: HTTPEndpoint
}

/// What `verify` says of rows that differ.
struct RowDifferences {
  private var lost = 0
  private var twice = 0

  /// A row whose numbers are smaller than expected, or that is missing, lacks an event; one whose numbers are larger has
  /// one too many.
  init(_ output: String) {
    for line in output.split(separator: "\n") {
      guard let expected = line.range(of: "expected "), let found = line.range(of: ", found ")
      else {
        continue
      }
      let before = Self.sum(line[expected.upperBound..<found.lowerBound])
      let after = Self.sum(line[found.upperBound...])
      if after > before { twice += 1 } else { lost += 1 }
    }
  }

  private static func sum(_ text: Substring) -> Double {
    text.split { !"0123456789".contains($0) }.reduce(0) { $0 + (Double($1) ?? 0) }
  }

  func add(to tally: Tally) {
    tally.add(.eventsLost, lost)
    tally.add(.eventsTwice, twice)
  }
}
