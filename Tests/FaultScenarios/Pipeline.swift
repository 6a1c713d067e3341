package import Eventually
package import EventuallyServer
// Whoever plays with a pipeline handles its processes.
@_exported public import EventuallyTesting
import Foundation

/// What was waited for did not happen, or what happened is not what must hold.
package typealias NotAsExpected = ScenarioFailure

/// The folder that the executables were built in: the one that holds this one, or the tests.
package let buildFolder = Bundle.main.executableURL?.deletingLastPathComponent().path() ?? "."

extension ApplicationExecutables {
  /// The sample's.
  package static let orders = ApplicationExecutables(
    writer: "\(buildFolder)/writer", projector: "\(buildFolder)/projector",
    administration: "\(buildFolder)/ordersctl", broker: ["\(buildFolder)/ordersctl", "broker"])
}

/// The processes of an application, on any Kafka.
package final class Pipeline {
  package let harness: ApplicationHarness
  /// The broker of this pipeline.
  package let kafka: any Broker
  /// Where store and read models are; `nil` for files.
  package let database: ScenarioDatabase?
  /// Where a development broker listens.
  private(set) package var brokerPlace = ProcessPlace.here

  /// - Parameters:
  ///   - choice: on which Kafka; a development broker by default.
  ///   - executables: of which application; the sample by default.
  ///   - topic: the topic on a development broker.
  ///   - database: where store and read models are; `nil` for files.
  package init(
    on choice: KafkaChoice = .development, of executables: ApplicationExecutables = .orders,
    topic: String = "orders", database: ScenarioDatabase? = nil
  ) throws {
    harness = try ApplicationHarness(executables, topic: topic, database: database?.url)
    self.database = database
    kafka = choice.broker(of: harness)
  }

  package var folder: String { harness.folder }
  package func file(_ name: String) -> String { harness.file(name) }
  package var brokers: String { harness.kafka.servers }
  package var topic: String { harness.kafka.topic }
  /// Which Kafka, for all commands that take that.
  package var kafkaArguments: [String] { harness.kafkaArguments }
  package var store: String { harness.store }
  package var readModels: String { harness.readModels }
  package var writer: RunningProcess? { harness.writer }

  /// Starts one of the sample's executables.
  package func start(_ name: String, _ arguments: String...) async throws -> RunningProcess {
    try await start(name, arguments)
  }

  package func start(
    _ name: String, _ arguments: [String], environment: [String: String] = [:]
  ) async throws -> RunningProcess {
    try await harness.start(
      .init("\(buildFolder)/\(name)"), arguments, environment: environment)
  }

  /// Runs one of the sample's executables to its end.
  package func run(
    _ name: String, _ arguments: String...
  ) async throws -> (code: Int32, output: String) {
    let process = try await start(name, arguments)
    let code = try await process.exitCode()
    return (code, process.log)
  }

  /// Lets the broker serve; a development broker holds nothing then.
  package func startBroker(partitions: Int = 4, brokers: Int = 1) async throws {
    harness.setPartitions(partitions)
    try await kafka.start(brokers: brokers)
  }

  /// Lets a development broker serve there; nothing else can be done to it.
  package func startBroker(at place: ProcessPlace) async throws {
    brokerPlace = place
    try await harness.startBroker(at: place)
  }

  /// Ends the writer, and gives back what the broker holds of this pipeline. Workers have ended before.
  package func close() async throws {
    harness.endWriter()
    try await database?.close()
    try await kafka.close()
  }

  /// Starts the writer, in place of an earlier one and at its address, and returns its URL.
  package func startWriter(
    _ arguments: String..., environment: [String: String] = [:]
  ) async throws -> HTTPEndpoint {
    try endpoint(try await harness.serveWriter(arguments, environment: environment))
  }

  /// Starts a worker, and returns it with its URL.
  package func startProjector(
    _ readModel: String, feed: String, worker: String, at place: ProcessPlace = .here,
    environment: [String: String] = [:], _ arguments: String...
  ) async throws -> (RunningProcess, HTTPEndpoint) {
    let process = try await harness.serveWorker(
      readModel, feed: feed, worker: worker, at: place, environment: environment, arguments)
    return (process, try endpoint(process))
  }

  /// Starts a worker of each read model of the sample.
  package func startAllProjectors(feed: String) async throws -> [RunningProcess] {
    var workers: [RunningProcess] = []
    for model in OrdersApplication().readModels {
      workers.append(try await startProjector(model.name, feed: feed, worker: model.name).0)
    }
    return workers
  }

  /// Waits for the file that a process writes when it serves.
  package func content(of file: String, by process: RunningProcess? = nil) async throws -> String {
    try await contentOfFile(file, by: process)
  }

  package func endpoint(_ process: RunningProcess) throws -> HTTPEndpoint {
    let url = process.url ?? ""
    guard let endpoint = HTTPEndpoint(url) else { throw NotAsExpected("'\(url)' is no URL") }
    return endpoint
  }

  /// The store's head, 0 where there is no store yet.
  package func head() async -> UInt64 {
    guard let log = try? await log() else { return 0 }
    return (try? await log.head()) ?? 0
  }

  /// The store, for reading.
  package func log() async throws -> any StoreLog {
    try await StoreLocation(store).openForReading(readers: 1)
  }

  /// Verifies read models once they have caught up, and returns their digests.
  package func verifiedDigests(_ names: String...) async throws -> [String: String] {
    try await harness.verify(names)
  }
}

extension HTTPEndpoint {
  package func post(
    _ path: String, _ json: String = "{}"
  ) async throws -> (status: UInt, body: String) {
    let answer = try await send("POST", path, body: Array(json.utf8))
    return (answer.status, String(decoding: answer.body, as: UTF8.self))
  }

  package func text(_ path: String) async throws -> (status: UInt, body: String) {
    let answer = try await send("GET", path)
    return (answer.status, String(decoding: answer.body, as: UTF8.self))
  }
}
