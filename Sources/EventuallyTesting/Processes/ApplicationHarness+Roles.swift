import Eventually
import Foundation

extension ApplicationHarness {
  // MARK: - The broker

  /// Starts a development broker that holds nothing, in place of an earlier one and at another address.
  /// - Parameter brokers: how many brokers the cluster has.
  @discardableResult
  public func startBroker(brokers: Int = 1) async throws -> BrokerProcess {
    try await startBroker(brokers: brokers, at: .here)
  }

  @discardableResult
  package func startBroker(brokers: Int = 1, at place: ProcessPlace) async throws -> BrokerProcess {
    state.withLock { $0.broker }?.process.kill()
    let (bootstrap, address) = (file("brokers"), file("brokers.url"))
    for file in [bootstrap, address] { try? FileManager.default.removeItem(atPath: file) }
    let process = try await start(
      executables.broker,
      [
        "--bootstrap-file", bootstrap, "--topic", kafka.topic, "--partitions",
        "\(state.withLock { $0.partitions })", "--brokers", "\(brokers)", "--control",
        "127.0.0.1:0", "--address-file", address,
      ], at: place)
    let servers = try await process.content(of: bootstrap)
    try await process.serves(addressFile: address)
    let broker = BrokerProcess(process, servers: servers, brokers: brokers)
    state.withLock {
      $0.broker = broker
      $0.kafka.servers = servers
    }
    return broker
  }

  // MARK: - The writer

  /// Starts the writer, in place of an earlier one and at the same address, and waits until it serves.
  /// - Parameters:
  ///   - faults: what goes wrong in it, as `EVENTUALLY_FAULTS` says it: `relay.produced=kill@3`.
  ///   - arguments: options of `writer serve` beside those for files, addresses and Kafka.
  ///   - environment: variables beside those of this process.
  /// - Throws: ``ScenarioFailure`` where the writer ends before it serves.
  @discardableResult
  public func startWriter(
    faults: String? = nil, arguments: [String] = [], environment: [String: String] = [:]
  ) async throws -> RunningProcess {
    try await startWriter(
      at: .here, arguments, environment: Self.environment(faults, environment))
  }

  /// Starts the writer there, in place of an earlier one, and waits until it serves.
  package func startWriter(
    at place: ProcessPlace, _ arguments: [String], environment: [String: String]
  ) async throws -> RunningProcess {
    try await serveWriter(
      ["--partitions", "\(state.withLock { $0.partitions })"] + arguments, at: place,
      environment: environment)
  }

  /// Starts the writer with these options, and waits until it serves.
  package func serveWriter(
    _ arguments: [String], at place: ProcessPlace = .here, environment: [String: String]
  ) async throws -> RunningProcess {
    let writer = try await launchWriter(arguments, at: place, environment: environment)
    try await writer.serves(addressFile: file("writer.url"))
    state.withLock { $0.writerURL = writer.url }
    return writer
  }

  /// Starts the writer, in place of an earlier one and at its address, and does not wait for it.
  @discardableResult
  package func launchWriter(
    _ arguments: [String], at place: ProcessPlace = .here, environment: [String: String]
  ) async throws -> RunningProcess {
    endWriter()
    try? FileManager.default.removeItem(atPath: file("writer.url"))
    let port = state.withLock { $0.writerURL }.flatMap { $0.split(separator: ":").last } ?? "0"
    let writer = try await start(
      executables.writer,
      [
        "serve", "--store", store, "--listen", "\(place.address):\(port)",
        "--address-file", file("writer.url"),
      ] + kafkaArguments + arguments, at: place, environment: environment)
    state.withLock { $0.writer = writer }
    return writer
  }

  /// Kills the writer, where there is one.
  package func endWriter() {
    state.withLock { state in
      defer { state.writer = nil }
      return state.writer
    }?.kill()
  }

  /// The writer that was started last; `nil` where none was.
  public var writer: RunningProcess? { state.withLock { $0.writer } }

  /// Sends a command to the writer.
  /// - Parameters:
  ///   - path: such as `/accounts/1/open`.
  ///   - json: the command's body.
  public func post(_ path: String, json: String = "{}") async throws -> HTTPAnswer {
    guard let writer else { throw ScenarioFailure("there is no writer") }
    return try await writer.post(path, json: json)
  }

  // MARK: - Workers

  /// Starts a worker of a read model, beside those that there are, and waits until it serves.
  ///
  /// It is ready only when it has taken its partitions: see ``waitUntilCaughtUp(_:within:)``.
  /// - Parameters:
  ///   - readModel: the read model's name.
  ///   - name: what the worker calls itself; by default, the read model's name and a number.
  ///   - faults: what goes wrong in it, as `EVENTUALLY_FAULTS` says it: `readmodel.applied=kill@2`.
  ///   - arguments: options of `projector run` beside those for files, addresses and Kafka.
  ///   - environment: variables beside those of this process.
  /// - Throws: ``ScenarioFailure`` where there is no writer, or the worker ends before it serves.
  @discardableResult
  public func startWorker(
    _ readModel: String, named name: String? = nil, faults: String? = nil,
    arguments: [String] = [], environment: [String: String] = [:]
  ) async throws -> RunningProcess {
    let number = state.withLock { $0.workers.count + 1 }
    let worker = try await serveWorker(
      readModel, worker: name ?? "\(readModel)-\(number)",
      environment: Self.environment(faults, environment), arguments)
    state.withLock { $0.workers.append((readModel, worker)) }
    return worker
  }

  /// Starts a worker with the feed of any writer, and waits until it serves. It ends with the last reference to it.
  package func serveWorker(
    _ readModel: String, feed: String? = nil, worker: String, at place: ProcessPlace = .here,
    environment: [String: String], _ arguments: [String]
  ) async throws -> RunningProcess {
    let process = try await launchWorker(
      readModel, feed: feed, worker: worker, at: place, environment: environment, arguments)
    try await process.serves(addressFile: file("\(worker).url"))
    return process
  }

  /// Starts a worker, and does not wait for it.
  package func launchWorker(
    _ readModel: String, feed: String? = nil, worker: String, at place: ProcessPlace = .here,
    environment: [String: String] = [:], memoryLimit: Int? = nil, _ arguments: [String] = []
  ) async throws -> RunningProcess {
    guard let feed = feed ?? state.withLock({ $0.writerURL }) else {
      throw ScenarioFailure("a worker needs the writer's address: start the writer first")
    }
    let address = file("\(worker).url")
    try? FileManager.default.removeItem(atPath: address)
    return try await start(
      executables.projector,
      [
        "run", readModel, "--read-models", readModels, "--feed", feed, "--worker", worker,
        "--address-file", address, "--kafka", "session.timeout.ms=\(kafka.sessionTimeout)",
      ] + (place == .here ? [] : ["--listen", "\(place.address):0"]) + kafkaArguments + arguments,
      at: place, environment: environment,
      memoryLimit: memoryLimit)
  }

  /// Asks a query of a worker that runs.
  /// - Parameters:
  ///   - path: such as `/owners/Ann`.
  ///   - readModel: the read model that answers; any where it is left out.
  public func query(_ path: String, of readModel: String? = nil) async throws -> HTTPAnswer {
    let workers = state.withLock { $0.workers }
    guard
      let worker = workers.last(where: { worker in
        worker.process.isRunning && (readModel ?? worker.readModel) == worker.readModel
      })
    else { throw ScenarioFailure("no worker of \(readModel ?? "a read model") runs") }
    return try await worker.process.get(path)
  }
}
