import Eventually
import EventuallyServer
import EventuallyTesting
import Foundation

extension Scenario {
  /// Broker and PostgreSQL on one host, and two writers and two hosts with workers beside it.
  package static let severalHosts = severalHosts("several-hosts", HostPlan.Kind.allCases)

  /// A few of the things that happen there.
  package static let severalHostsBriefly = severalHosts(
    "several-hosts-briefly", [.workerFromBoth, .answersLost, .slow], lengths: 4000...7000)

  private static func severalHosts(
    _ name: String, _ kinds: [HostPlan.Kind], lengths: ClosedRange<Int> = 3000...20_000
  ) -> Scenario {
    Scenario(
      name,
      "two writers and two hosts with workers are cut off from broker and PostgreSQL, delayed, stopped and killed",
      requires: [.otherHost], on: .postgresServer, hosts: HostStage.hosts
    ) { stage in
      guard let network = stage.network else { throw NotAsExpected("there are no hosts") }
      try await HostStage(stage, network).play(
        HostPlan.steps(kinds, lengths: lengths, seed: stage.seed))
    }
  }
}

/// A scenario's processes on several hosts.
private final class HostStage {
  static let services = "services"
  static let writers = ["writer-a", "writer-b"]
  static let workers = ["worker-1", "worker-2"]
  static var hosts: [String] { [services] + writers + workers }

  /// Of an application with one read model, one.
  private let roles: [ReadModelRole]
  private let stage: Stage
  private let network: HostNetwork
  private let gauge: ServiceGauge
  private var figures: [HostFigures] = []

  init(_ stage: Stage, _ network: HostNetwork) {
    self.stage = stage
    self.network = network
    roles = stage.model(.first) == stage.model(.second) ? [.first] : [.first, .second]
    gauge = ServiceGauge()
  }

  func play(_ steps: [HostPlan.Step]) async throws {
    try await stage.pipeline.startBroker(at: network.place(Self.services))
    for writer in 0...1 { try await startWriter(writer) }
    for host in 0...1 { try await startWorkers(host) }
    try await allReady(within: .seconds(60))
    let load = try stage.startLoad(entities: 1_000_000, rate: 12, timeout: .seconds(2))
    let log = try await stage.pipeline.log()
    let models = roles.map { stage.model($0) }
    let gauging = Task { [gauge, folder = stage.pipeline.readModels] in
      try await gauge.run(load, log, models, in: folder)
    }
    do {
      try await stage.begun(load, 10)
      for step in steps {
        try await play(step)
        if let failure = load.failures.first { throw NotAsExpected(failure) }
      }
    } catch {
      gauging.cancel()
      throw NotAsExpected("\(error)\n\(HostFigures.table(figures))")
    }
    gauging.cancel()
    load.stop()
    try await stage.publishedWhole()
    try await stage.checkAll(roles)
    guard load.replays > 0 || !steps.contains(where: { $0.kind == .answersLost }) else {
      throw NotAsExpected("no command was repeated that had had its effect")
    }
    try await noSessionIsLeft()
    stage.tally.add(.requestsReplayed, load.replays)
    print(
      """
      hosts, seed \(stage.seed): \(load.acknowledged.count) commands acknowledged, \(load.replays) repeated that had had their \
      effect, \(load.refusals(503)) answered 503, \(network.lostPackets) packets lost
      \(HostFigures.table(figures))
      """)
  }

  // MARK: - Processes

  private func startWriter(_ number: Int) async throws {
    let place = try network.place(Self.writers[number])
    if number == 0 {
      try await stage.startWriter(at: place)
    } else {
      try await stage.startOtherWriter(at: place)
    }
  }

  private func writer(_ number: Int) throws -> (process: RunningProcess, endpoint: HTTPEndpoint) {
    if number == 1, let other = stage.others.first { return (other.process, other.endpoint) }
    guard let process = stage.pipeline.writer else { throw NotAsExpected("there is no writer") }
    return (process, try stage.writer)
  }

  private func workerName(_ role: ReadModelRole, _ host: Int) -> String {
    "\(stage.model(role).name)-\(host + 1)"
  }

  private func startWorkers(_ host: Int) async throws {
    for role in roles {
      try await stage.startWorker(
        role, workerName(role, host), at: network.place(Self.workers[host]),
        feed: stage.pipeline.store)
    }
  }

  private func workers(_ host: Int) -> [Worker] {
    roles.compactMap { stage.workers[workerName($0, host)] }
  }

  private func processes(_ step: HostPlan.Step) throws -> [RunningProcess] {
    switch step.kind.isOfWriter {
    case true?: [try writer(step.host).process]
    case false?: workers(step.host).map(\.process)
    case nil: []
    }
  }

  private func endpoints(_ step: HostPlan.Step) throws -> [HTTPEndpoint] {
    switch step.kind.isOfWriter {
    case true?: [try writer(step.host).endpoint]
    case false?: workers(step.host).map(\.endpoint)
    case nil: []
    }
  }

  private func allReady(within limit: Duration) async throws {
    let endpoints =
      try (0...1).map { try writer($0).endpoint }
      + (0...1).flatMap { workers($0).map(\.endpoint) }
    var seen = ""
    try await waitUntil("all are ready", within: limit, seen: { seen }) {
      for endpoint in endpoints {
        let answer = try? await endpoint.send("GET", "/readyz", timeout: .seconds(3))
        guard answer?.status == 200 else {
          seen =
            "\(endpoint.base): \(answer.map { String(decoding: $0.body, as: UTF8.self) } ?? "no answer")"
          return false
        }
      }
      return true
    }
  }

  /// The server has given up what its clients were cut off from.
  private func noSessionIsLeft() async throws {
    guard let database = stage.pipeline.database else { throw NotAsExpected("no database") }
    let addresses = try (Self.writers + Self.workers).map { "'\(try network.address($0))'" }
    var seen = ""
    try await waitUntil("no session is left", within: .seconds(40), seen: { seen }) {
      seen = try await database.run(
        """
        SELECT client_addr, state, query_start, left(query, 60) FROM pg_stat_activity
        WHERE client_addr IN (\(addresses.joined(separator: ", ")))
        """)
      return seen.isEmpty
    }
  }

  // MARK: - What happens

  private func play(_ step: HostPlan.Step) async throws {
    let log = try await stage.pipeline.log()
    let holder = try await log.relayHolder()
    gauge.begin()
    let begin = ContinuousClock.now
    try await begins(step)
    var figure = HostFigures(step: step)
    while ContinuousClock.now - begin < step.length {
      if figure.unready == nil, try await isUnready(step) {
        figure.unready = ContinuousClock.now - begin
      }
      if figure.takeOver == nil, let now = try? await log.relayHolder(),
        now.epoch > holder?.epoch ?? 0
      {
        figure.takeOver = ContinuousClock.now - begin
      }
      // Between two looks.
      try await Task.sleep(for: .milliseconds(50))
    }
    let end = ContinuousClock.now
    try await ends(step)
    try await allReady(within: .seconds(60))
    figure.ready = ContinuousClock.now - end
    // What was not applied meanwhile counts to this.
    try await waitUntil("commands go on") { self.gauge.isGoingOn(since: end) }
    figure.gaps = gauge.longest
    figures.append(figure)
    let isFoundOut = step.kind.isCutFromDatabase || step.kind == .answersLost
    if isFoundOut, step.length > .seconds(8), figure.unready == nil {
      throw NotAsExpected("\(step.kind.rawValue) for \(step.length), and it called itself ready")
    }
  }

  private func begins(_ step: HostPlan.Step) async throws {
    let ways = try cuts(of: step)
    network.change { router in
      if step.kind == .answersLost, let way = ways.first {
        let question = PacketRouter.Way(from: way.to, to: way.from)
        router.cutBehind = (question, Self.appendSize, way)
      } else {
        router.cuts = ways
      }
      if step.kind == .slow { (router.delay, router.lossOneIn) = (.milliseconds(100), 100) }
    }
    if !ways.isEmpty { stage.tally.add(.networkCuts) }
    switch step.kind {
    case .writerPaused, .workerPaused: for process in try processes(step) { process.freeze() }
    case .writerKilled:
      try writer(step.host).process.kill()
      stage.tally.add(.writersKilled)
    case .workerKilled:
      for role in roles { stage.killWorker(workerName(role, step.host)) }
    default: break
    }
  }

  /// What a writer asks its database is smaller, but for an append.
  private static let appendSize = 700

  private func cuts(of step: HostPlan.Step) throws -> Set<PacketRouter.Way> {
    guard let isOfWriter = step.kind.isOfWriter else { return [] }
    let host = try network.address((isOfWriter ? Self.writers : Self.workers)[step.host])
    let database = try network.address(Self.services)
    if step.kind == .answersLost { return [.init(from: database, to: host)] }
    var peers: [PacketRouter.Address] = []
    if step.kind.isCutFromBroker { peers.append(HostNetwork.broker) }
    if step.kind.isCutFromDatabase { peers.append(database) }
    return Set(peers.flatMap { [.init(from: $0, to: host), .init(from: host, to: $0)] })
  }

  private func ends(_ step: HostPlan.Step) async throws {
    network.heal()
    switch step.kind {
    case .writerPaused, .workerPaused:
      for process in try processes(step) { process.resume() }
    case .writerKilled: try await startWriter(step.host)
    case .workerKilled: try await startWorkers(step.host)
    default: break
    }
  }

  private func isUnready(_ step: HostPlan.Step) async throws -> Bool {
    let endpoints = try endpoints(step)
    for endpoint in endpoints {
      // One that is stopped or killed does not answer.
      guard let answer = try? await endpoint.send("GET", "/readyz", timeout: .seconds(2)),
        answer.status == 503
      else { return false }
    }
    return !endpoints.isEmpty
  }
}
