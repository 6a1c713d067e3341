import Eventually
import EventuallySQLite
import Foundation
package import OrdersApp

/// A pipeline of real processes on free ports, in a folder of its own.
package final class Pipeline {
  package let folder: String
  /// Where the store and the read models are; `folder` unless they are on volumes of their own.
  package var storeFolder: String
  package var readModelFolder: String
  /// The broker of this pipeline.
  package let kafka: any Broker
  package private(set) var writer: RunningProcess?
  private var writerPort = 0
  private var count = 0

  /// - Parameter choice: on which Kafka; a development broker by default.
  package init(on choice: KafkaChoice = .development) throws {
    let url = FileManager.default.temporaryDirectory.appending(
      path: "eventually-pipeline-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    folder = url.path()
    kafka = choice.broker(in: folder)
    storeFolder = folder
    readModelFolder = "\(folder)/read-models"
  }

  deinit {
    writer = nil
    try? FileManager.default.removeItem(atPath: folder)
  }

  package func file(_ name: String) -> String { "\(folder)/\(name)" }
  package var brokers: String { kafka.servers }
  package var topic: String { kafka.topic }
  /// Which Kafka, for all commands that take that.
  package var kafkaArguments: [String] {
    ["--brokers", brokers, "--topic", topic] + kafka.settings.flatMap { ["--kafka", $0] }
  }
  package var store: String { "\(storeFolder)/store.sqlite" }
  package var readModels: String { readModelFolder }

  /// Starts one of the executables.
  package func start(_ name: String, _ arguments: String...) throws -> RunningProcess {
    try start(name, arguments)
  }

  package func start(
    _ name: String, _ arguments: [String], environment: [String: String] = [:],
    memoryLimit: Int? = nil
  ) throws -> RunningProcess {
    count += 1
    return try RunningProcess(
      "\(buildFolder)/\(name)", arguments, log: file("\(count)-\(name).log"),
      environment: environment, memoryLimit: memoryLimit)
  }

  /// Runs one of the executables to its end.
  package func run(
    _ name: String, _ arguments: String...
  ) async throws -> (code: Int32, output: String) {
    let process = try start(name, arguments)
    let code = try await process.exitCode()
    return (code, process.log)
  }

  /// Lets the broker serve; a development broker holds nothing then.
  package func startBroker(partitions: Int = 4, brokers: Int = 1) async throws {
    try await kafka.start(partitions: partitions, brokers: brokers)
  }

  /// Ends the writer, and gives back what the broker holds of this pipeline. Workers have ended before.
  package func close() async throws {
    writer = nil
    try await kafka.close()
  }

  /// Starts the writer, in place of an earlier one and at its address, and returns its URL.
  package func startWriter(
    _ arguments: String..., environment: [String: String] = [:]
  ) async throws -> HTTPEndpoint {
    try await startWriter(arguments, environment: environment)
  }

  package func startWriter(
    _ arguments: [String], environment: [String: String]
  ) async throws -> HTTPEndpoint {
    try launchWriter(arguments, environment: environment)
    let url = try endpoint(try await content(of: file("writer.url"), by: writer))
    writerPort = Int(url.base.split(separator: ":").last ?? "") ?? 0
    return url
  }

  /// Starts the writer, in place of an earlier one and at its address, and does not wait for it.
  package func launchWriter(_ arguments: [String], environment: [String: String]) throws {
    writer = nil
    try? FileManager.default.removeItem(atPath: file("writer.url"))
    writer = try start(
      "writer",
      [
        "serve", "--store", store, "--listen", "127.0.0.1:\(writerPort)", "--address-file",
        file("writer.url"),
      ] + kafkaArguments + arguments, environment: environment)
  }

  /// Starts a worker, and returns it with its URL.
  package func startProjector(
    _ readModel: String, feed: String, worker: String, environment: [String: String] = [:],
    _ arguments: String...
  ) async throws -> (RunningProcess, HTTPEndpoint) {
    let process = try launchProjector(
      readModel, feed: feed, worker: worker, environment: environment, arguments)
    let file = addressFile(worker)
    return (process, try endpoint(try await content(of: file, by: process)))
  }

  private func addressFile(_ worker: String) -> String { file("\(worker).url") }

  /// Starts a worker, and does not wait for it.
  package func launchProjector(
    _ readModel: String, feed: String, worker: String, environment: [String: String] = [:],
    memoryLimit: Int? = nil, _ arguments: [String] = []
  ) throws -> RunningProcess {
    let file = addressFile(worker)
    try? FileManager.default.removeItem(atPath: file)
    return try start(
      "projector",
      [
        "run", readModel, "--read-models", readModels, "--feed", feed, "--worker", worker,
        "--address-file", file, "--kafka", "session.timeout.ms=\(kafka.sessionTimeout)",
      ] + kafkaArguments + arguments, environment: environment, memoryLimit: memoryLimit)
  }

  /// Starts a worker of each read model.
  package func startAllProjectors(feed: String) async throws -> [RunningProcess] {
    var workers: [RunningProcess] = []
    for model in ReadModelName.allCases {
      workers.append(
        try await startProjector(model.rawValue, feed: feed, worker: model.rawValue).0)
    }
    return workers
  }

  /// Waits for the file that a process writes when it serves.
  package func content(of file: String, by process: RunningProcess? = nil) async throws -> String {
    try await contentOfFile(file, by: process)
  }

  private func endpoint(_ text: String) throws -> HTTPEndpoint {
    guard let endpoint = HTTPEndpoint(text) else { throw NotAsExpected("'\(text)' is no URL") }
    return endpoint
  }

  /// The store's head, 0 where there is no store yet.
  package func head() async -> UInt64 {
    guard let log = try? SQLiteEventLog(path: store, readers: 1) else { return 0 }
    return (try? await log.head()) ?? 0
  }

  /// Runs `eventuallyctl verify` once all of the read models have caught up, and returns their digests.
  package func verifiedDigests(_ names: String...) async throws -> [String: String] {
    try await verifiedDigests(names)
  }

  package func verifiedDigests(_ names: [String]) async throws -> [String: String] {
    let places = ["--store", store, "--read-models", readModels]
    let wait = try start("eventuallyctl", ["wait", "--timeout", "90"] + places + names)
    guard try await wait.exitCode() == 0 else { throw NotAsExpected(wait.log) }
    let verify = try start("eventuallyctl", ["verify", "--caught-up"] + places + names)
    guard try await verify.exitCode() == 0 else { throw NotAsExpected(verify.log) }
    var digests: [String: String] = [:]
    for line in verify.log.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":"), let digest = line.split(separator: " ").last
      else { continue }
      digests[String(line[..<colon])] = String(digest)
    }
    return digests
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
