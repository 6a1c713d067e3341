import Eventually
import EventuallySQLite
import Foundation

@testable import OrdersApp

/// What a test waited for did not happen.
struct NotInTime: Error, CustomStringConvertible {
  var description: String
}

/// Waits until a condition holds; throws with what `seen` tells where it takes too long.
func waitUntil(
  _ what: String, within limit: Duration = .seconds(60), seen: () async -> String = { "" },
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else {
      throw NotInTime(description: "\(what): not within \(limit); saw: \(await seen())")
    }
    // A poll, not a delay: other processes give no signal.
    try await Task.sleep(for: .milliseconds(20))
  }
}

/// The folder that the executables were built in: the one that holds the tests.
let buildFolder = Bundle.main.executableURL?.deletingLastPathComponent().path() ?? "."

/// A process of this test, which does not outlive it.
final class RunningProcess {
  private let process = Process()
  let logPath: String

  init(_ executable: String, _ arguments: [String], log: String) throws {
    logPath = log
    try Data().write(to: URL(filePath: log))
    let handle = try FileHandle(forWritingTo: URL(filePath: log))
    process.executableURL = URL(filePath: executable)
    process.arguments = arguments
    process.standardOutput = handle
    process.standardError = handle
    process.standardInput = FileHandle.nullDevice
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }
  var isRunning: Bool { process.isRunning }
  var processID: Int32 { process.processIdentifier }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Kills the process with SIGKILL, and waits until it is gone.
  func killHard() {
    send(SIGKILL)
    process.waitUntilExit()
  }

  /// Waits for the process to end by itself, and returns its exit code.
  func exitCode(within limit: Duration = .seconds(120)) async throws -> Int32 {
    try await waitUntil(
      "the end of \(process.executableURL?.lastPathComponent ?? "a process")", within: limit,
      seen: { String(self.log.suffix(2000)) }
    ) { !self.process.isRunning }
    return process.terminationStatus
  }

  /// Asks the process to stop in order, and returns its exit code.
  func stop() async throws -> Int32 {
    send(SIGTERM)
    return try await exitCode(within: .seconds(30))
  }
}

/// A pipeline of real processes on free ports, in a folder of its own.
final class Pipeline {
  let folder: String
  private(set) var brokers = ""
  private var count = 0
  private var broker: RunningProcess?
  private(set) var writer: RunningProcess?

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(
      path: "eventually-pipeline-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    folder = url.path()
  }

  deinit {
    writer = nil
    broker = nil
    try? FileManager.default.removeItem(atPath: folder)
  }

  func file(_ name: String) -> String { "\(folder)/\(name)" }
  var store: String { file("store.sqlite") }
  var readModels: String { file("read-models") }

  /// Starts one of the executables.
  func start(_ name: String, _ arguments: String...) throws -> RunningProcess {
    try start(name, arguments)
  }

  func start(_ name: String, _ arguments: [String]) throws -> RunningProcess {
    count += 1
    return try RunningProcess(
      "\(buildFolder)/\(name)", arguments, log: file("\(count)-\(name).log"))
  }

  /// Runs one of the executables to its end.
  func run(_ name: String, _ arguments: String...) async throws -> (code: Int32, output: String) {
    let process = try start(name, arguments)
    let code = try await process.exitCode()
    return (code, process.log)
  }

  /// Starts a broker that holds nothing, in place of an earlier one.
  func startBroker(partitions: Int = 4) async throws {
    broker = nil
    let file = file("brokers")
    try? FileManager.default.removeItem(atPath: file)
    broker = try start(
      "devbroker", "--bootstrap-file", file, "--partitions", "\(partitions)")
    brokers = try await content(of: file)
  }

  /// Starts the writer, and returns its URL.
  func startWriter(_ arguments: String...) async throws -> HTTPEndpoint {
    writer = nil
    let file = file("writer.url")
    try? FileManager.default.removeItem(atPath: file)
    writer = try start(
      "writer",
      [
        "serve", "--store", store, "--brokers", brokers, "--listen", "127.0.0.1:0",
        "--address-file", file,
      ] + arguments)
    return try endpoint(try await content(of: file))
  }

  /// Starts a worker, and returns it with its URL.
  func startProjector(
    _ readModel: String, feed: String, worker: String
  ) async throws -> (RunningProcess, HTTPEndpoint) {
    let file = file("\(worker).url")
    try? FileManager.default.removeItem(atPath: file)
    let process = try start(
      "projector", "run", readModel, "--read-models", readModels, "--feed", feed, "--brokers",
      brokers, "--worker", worker, "--kafka", "session.timeout.ms=4000", "--address-file", file)
    return (process, try endpoint(try await content(of: file)))
  }

  /// Starts a worker of each read model.
  func startAllProjectors(feed: String) async throws -> [RunningProcess] {
    var workers: [RunningProcess] = []
    for model in ReadModelName.allCases {
      workers.append(
        try await startProjector(model.rawValue, feed: feed, worker: model.rawValue).0)
    }
    return workers
  }

  /// Waits for the file that a process writes when it serves.
  private func content(of file: String) async throws -> String {
    try await waitUntil("the file \(file)", within: .seconds(30)) {
      FileManager.default.fileExists(atPath: file)
    }
    return try String(contentsOfFile: file, encoding: .utf8)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private func endpoint(_ text: String) throws -> HTTPEndpoint {
    guard let endpoint = HTTPEndpoint(text) else {
      throw NotInTime(description: "'\(text)' is no URL")
    }
    return endpoint
  }

  /// The store's head, 0 where there is no store yet.
  func head() async -> UInt64 {
    guard let log = try? SQLiteEventLog(path: store, readers: 1) else { return 0 }
    return (try? await log.head()) ?? 0
  }

  /// Runs `eventuallyctl verify` until all read models have caught up, and returns their digests.
  func verifiedDigests() async throws -> [String: String] {
    let wait = try await run(
      "eventuallyctl", "wait", "--store", store, "--read-models", readModels, "--timeout", "90")
    guard wait.code == 0 else { throw NotInTime(description: wait.output) }
    let verify = try await run(
      "eventuallyctl", "verify", "--store", store, "--read-models", readModels, "--caught-up")
    guard verify.code == 0 else { throw NotInTime(description: verify.output) }
    var digests: [String: String] = [:]
    for line in verify.output.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":"), let digest = line.split(separator: " ").last
      else { continue }
      digests[String(line[..<colon])] = String(digest)
    }
    return digests
  }
}

extension HTTPEndpoint {
  func post(_ path: String, _ json: String = "{}") async throws -> (status: UInt, body: String) {
    let answer = try await send("POST", path, body: Array(json.utf8))
    return (answer.status, String(decoding: answer.body, as: UTF8.self))
  }

  func text(_ path: String) async throws -> (status: UInt, body: String) {
    let answer = try await send("GET", path)
    return (answer.status, String(decoding: answer.body, as: UTF8.self))
  }
}
