import Eventually
import Foundation

/// The processes of an application, in a temporary folder and on free ports: a development broker, a writer and workers.
///
/// ```swift
/// try await ApplicationHarness.run(.init(application: ".build/debug/bank")) { bank in
///   try await bank.startBroker()
///   let writer = try await bank.startWriter()
///   let worker = try await bank.startWorker("owners")
///   let opened = try await writer.post("/accounts/1/open", json: #"{"owner":"Ann"}"#)
///   worker.kill()
///   try await bank.startWorker("owners")
///   try await bank.verify("owners")
/// }
/// ```
public final class ApplicationHarness: Sendable {
  /// The Kafka that the processes use.
  package struct Kafka: Sendable {
    package var servers: String
    package var topic: String
    /// librdkafka settings of all processes, as `name=value`.
    package var settings: [String] = []
    /// The shortest session of a consumer, in milliseconds, that the brokers allow. The development broker forgets
    /// consumers that join while their session is shorter.
    package var sessionTimeout = 4000

    package init(
      servers: String, topic: String, settings: [String] = [], sessionTimeout: Int = 4000
    ) {
      self.servers = servers
      self.topic = topic
      self.settings = settings
      self.sessionTimeout = sessionTimeout
    }
  }

  struct State {
    var store: String
    var readModels: String
    var kafka: Kafka
    var partitions: Int
    var broker: BrokerProcess?
    var writer: RunningProcess?
    /// Where the writer serves, once it has: the next one is given the same port.
    var writerURL: String?
    var workers: [(readModel: String, process: RunningProcess)] = []
    var started = 0
  }

  let executables: ApplicationExecutables
  let state: Locked<State>
  /// The folder of everything that the processes write. It is removed in the end.
  public let folder: String

  /// - Parameter database: the URL of the PostgreSQL database of store and read models; `nil` for files.
  package init(
    _ executables: ApplicationExecutables, topic: String = "events", partitions: Int = 4,
    database: String? = nil
  ) throws {
    let url = FileManager.default.temporaryDirectory.appending(
      path: "eventually-harness-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    self.executables = executables
    folder = url.path()
    state = Locked(
      State(
        store: database ?? "\(url.path())/store.sqlite",
        readModels: database ?? "\(url.path())/read-models",
        kafka: Kafka(servers: "", topic: topic), partitions: partitions))
  }

  deinit {
    state.withLock {
      $0.workers = []
      $0.writer = nil
      $0.broker = nil
    }
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Runs a test with processes of an application. When it returns, the processes are killed, those that the test still
  /// refers to as well, and the folder is removed.
  /// - Parameters:
  ///   - executables: how the processes are started.
  ///   - topic: the topic of the events.
  ///   - partitions: how many partitions the store and the topic have.
  ///   - database: the URL of an empty PostgreSQL database for the store and the read models; they are files in ``folder`` where it is
  ///     left out.
  ///   - isolation: the actor that `body` runs on; the caller's where it is left out.
  ///   - body: the test.
  /// - Throws: what `body` throws.
  public static func run<Result>(
    _ executables: ApplicationExecutables, topic: String = "events", partitions: Int = 4,
    database: String? = nil,
    isolation: isolated (any Actor)? = #isolation,
    _ body: (ApplicationHarness) async throws -> Result
  ) async throws -> Result {
    let harness = try ApplicationHarness(
      executables, topic: topic, partitions: partitions, database: database)
    defer { harness.killAll() }
    return try await body(harness)
  }

  /// Kills all processes of the harness.
  func killAll() {
    let running = state.withLock { state in
      state.workers.map(\.process) + [state.writer, state.broker?.process].compactMap { $0 }
    }
    for process in running { process.kill() }
  }

  // MARK: - Files

  /// The path of a file of this name in ``folder``.
  public func file(_ name: String) -> String { "\(folder)/\(name)" }

  /// The store's file, or the URL of its database.
  public var store: String { state.withLock { $0.store } }

  /// The folder of the read models, or the URL of their database.
  public var readModels: String { state.withLock { $0.readModels } }

  /// Puts the store into another folder, for the processes that are started from now on.
  package func setStoreFolder(_ path: String) {
    state.withLock { $0.store = "\(path)/store.sqlite" }
  }

  /// Puts the store into another file or database, for the processes that are started from now on.
  package func setStore(_ location: String) { state.withLock { $0.store = location } }

  /// Puts the read models into another folder or database, for the processes that are started from now on.
  package func setReadModelFolder(_ path: String) { state.withLock { $0.readModels = path } }

  // MARK: - Kafka

  /// The Kafka of the processes that are started.
  package var kafka: Kafka { state.withLock { $0.kafka } }

  /// Uses a Kafka that is there already.
  package func use(_ kafka: Kafka) { state.withLock { $0.kafka = kafka } }

  /// How many partitions a development broker's topic, and the store, are given.
  package func setPartitions(_ partitions: Int) { state.withLock { $0.partitions = partitions } }
  package var partitions: Int { state.withLock { $0.partitions } }

  /// Which Kafka, for all commands that take that.
  package var kafkaArguments: [String] {
    let kafka = kafka
    return ["--brokers", kafka.servers, "--topic", kafka.topic]
      + kafka.settings.flatMap { ["--kafka", $0] }
  }

  // MARK: - Processes

  /// The environment of a process that fails as `EVENTUALLY_FAULTS` says.
  package static func environment(
    _ faults: String?, _ environment: [String: String] = [:]
  ) -> [String: String] {
    guard let faults else { return environment }
    // Where the process crashes on purpose, a backtrace takes longer than everything else.
    return [FaultPlan.variable: faults, "SWIFT_BACKTRACE": "enable=no"].merging(environment) { $1 }
  }

  package func start(
    _ command: ApplicationExecutables.Command, _ arguments: [String],
    at place: ProcessPlace = .here,
    environment: [String: String] = [:], memoryLimit: Int? = nil
  ) async throws -> RunningProcess {
    let number = state.withLock { state in
      state.started += 1
      return state.started
    }
    let name = URL(filePath: command.executable).lastPathComponent
    return try await RunningProcess.start(
      command.executable, command.arguments + arguments, at: place,
      log: file("\(number)-\(name).log"), environment: environment, memoryLimit: memoryLimit)
  }
}
