/// A failure that is played with the real executables, and after which everything must hold.
package struct Scenario: Sendable, CustomStringConvertible {
  /// What it is called: words with hyphens.
  package let name: String
  /// What happens in it.
  package let summary: String
  /// What it makes happen to the broker.
  package let requires: Set<BrokerAbility>
  /// What it needs of the application.
  package let needs: Set<ApplicationAbility>
  private let stores: ScenarioStores
  /// The hosts that it has its processes on, the broker's and the database's first; none for this machine.
  let hosts: [String]
  private let machineObstacle: @Sendable () -> String?
  private let play: @Sendable (Stage) async throws -> Void

  init(
    _ name: String, _ summary: String, requires: Set<BrokerAbility> = [],
    needs: Set<ApplicationAbility> = [], on stores: ScenarioStores = .all,
    hosts: [String] = [], obstacle: @escaping @Sendable () -> String? = { nil },
    play: @escaping @Sendable (Stage) async throws -> Void
  ) {
    self.name = name
    self.summary = summary
    self.requires = requires
    self.needs = needs
    self.stores = stores
    self.hosts = hosts
    machineObstacle = obstacle
    self.play = play
  }

  package var description: String { name }

  /// On which stores it is not played, and why; `nil` where it is on all.
  package var restriction: String? {
    switch stores {
    case .all: nil
    case .files(let reason): "not on PostgreSQL: \(reason)"
    case .postgres: "only with --postgres"
    case .postgresServer: "only with --postgres, on a temporary server"
    }
  }

  /// Why it can't be played on this machine, with this Kafka, these stores and this application; `nil` where it can.
  package func obstacle(
    on choice: KafkaChoice, with application: any TortureApplication = OrdersApplication(),
    storesIn store: StoreChoice = .files
  ) -> String? {
    let abilities = choice.abilities
    return stores.obstacle(on: store)
      ?? BrokerAbility.allCases.first { requires.contains($0) && !abilities.contains($0) }?
      .lacking
      ?? ApplicationAbility.allCases.first {
        needs.contains($0) && !application.abilities.contains($0)
      }?.lacking
      ?? (hosts.isEmpty ? nil : HostNetwork.obstacle)
      ?? machineObstacle()
  }

  /// Whether it is to be played while no other scenario is: it takes away what they share, or has
  /// many processes, whose times are measured.
  package func isAlone(on choice: KafkaChoice) -> Bool {
    !hosts.isEmpty || !choice.isDevelopment && requires.contains(where: \.disturbsOthers)
  }

  /// Plays the scenario.
  /// - Parameters:
  ///   - seed: what is random in it follows from this, as far as processes and machines allow.
  ///   - tally: counts what happens.
  ///   - choice: on which Kafka.
  ///   - application: with which application.
  ///   - store: where its store and its read models are.
  /// - Throws: where something that must hold does not.
  package func run(
    seed: UInt64, tally: Tally, on choice: KafkaChoice = .development,
    with application: any TortureApplication = OrdersApplication(),
    storesIn store: StoreChoice = .files
  ) async throws {
    let network = hosts.isEmpty ? nil : try await HostNetwork(hosts, seed: seed)
    let place = try hosts.first.flatMap { try network?.place($0) } ?? .here
    let stage = try Stage(
      seed: seed, tally: tally, on: choice, with: application, network: network,
      database: try await store.makeDatabase(at: place))
    var failures: [String] = []
    do {
      try await play(stage)
    } catch {
      failures.append("\(error)")
    }
    await stage.close()
    do {
      try await stage.pipeline.close()
    } catch {
      failures.append("it left something behind: \(error)")
    }
    guard failures.isEmpty else {
      throw NotAsExpected("\(name), seed \(seed): \(failures.joined(separator: "\n"))")
    }
  }

  /// All scenarios.
  package static let all =
    writerScenarios + repetitionScenarios + workerScenarios + brokerScenarios + topicScenarios
    + parkingScenarios
    + deadlyEventScenarios
    + diskScenarios + clockScenarios + replayScenarios + hostileScenarios + postgresScenarios
    + [severalHosts]
}
