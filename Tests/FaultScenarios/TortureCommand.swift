package import ArgumentParser
import Eventually
import EventuallyCommand
import Foundation

/// The command `torture`.
package struct TortureCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "torture",
    abstract:
      "Plays failures with the real processes, and checks that nothing is lost or applied twice.",
    discussion: """
      Each scenario starts a development broker (or uses the Kafka that --brokers names), a writer and workers, lets clients send commands, and makes something \
      fail: processes are killed at chosen and at random moments, stopped and continued, brokers are taken away, \
      disks filled, files damaged. Then it checks that every acknowledged append is in the store, that all sequences \
      are whole, that the read models are row by row the fold of the store's events, that no process hangs, and that \
      none called itself what it was not.

      On an existing Kafka each scenario has a topic of its own and the groups of its read models, named \
      eventually-torture-…, and deletes them. A scenario that takes the brokers away, by the commands that are given, is \
      played while no other one is. Those that need more than an existing Kafka does are named and not played.

      The scenarios are played with the sample's orders, or with another application, which is one executable with all \
      roles. Those that need what the application lacks are named and not played.

      With --postgres, store and read models are in PostgreSQL: on a temporary server of each scenario's own, or in databases of their \
      own on the server that \(StoreChoice.variable) names, which are dropped. --list tells which scenarios are about files or about \
      PostgreSQL alone.

      All scenarios are played once, in an order that follows from the seed, and then again until the time is up. \
      The exit code is 1 where anything did not hold.
      """)

  @Option(help: "How long to go on. Each scenario is played once at least.")
  var minutes = 10.0
  @Option(
    help:
      "What commands, moments and the sequence of scenarios follow from; a random one by default."
  )
  var seed: UInt64?
  @Option(help: "How many scenarios are played at the same time.")
  var parallel = 2
  @Option(
    name: .customLong("scenario"),
    help: "Play only this scenario; may be repeated.")
  var names: [String] = []
  @Option(help: "The application: orders or notes.")
  var application = ApplicationName.orders
  @Option(
    help: ArgumentHelp(
      "The executable of notes; by default where swift build puts it, from the package's folder.",
      valueName: "file"))
  var executable: String?
  @Option(
    help: ArgumentHelp(
      "The file of invoices that everything-killed imports, in the layout of the data set Online Retail; one is made up by default.",
      valueName: "file"))
  var file: String?
  @Flag(help: "Have store and read models in PostgreSQL.")
  var postgres = false
  @Flag(help: "List the scenarios.")
  var list = false
  @OptionGroup var broker: BrokerOptions

  package init() {}

  package func validate() throws {
    guard (0...525_600).contains(minutes) else {
      throw ValidationError("--minutes must be from 0 to 525600, a year")
    }
    guard (1...16).contains(parallel) else {
      throw ValidationError("--parallel must be from 1 to 16")
    }
    if executable != nil, application == .orders {
      throw ValidationError("--executable is of another application: name it with --application")
    }
    if let file, !FileManager.default.isReadableFile(atPath: file) {
      throw ValidationError("the file \(file) can't be read")
    }
    for name in names where !Scenario.all.contains(where: { $0.name == name }) {
      throw ValidationError("there is no scenario '\(name)': see --list")
    }
  }

  package func run() async throws {
    let chosen = Scenario.all.filter { names.isEmpty || names.contains($0.name) }
    if list {
      for scenario in chosen {
        let restriction = scenario.restriction.map { " (\($0))" } ?? ""
        print("\(scenario.name): \(scenario.summary)\(restriction)")
      }
      return
    }
    let choice = broker.choice
    let store = postgres ? StoreChoice.postgresOfEnvironment : .files
    if let obstacle = store.obstacle { throw ValidationError(obstacle) }
    let played = application.application(executable, invoices: file)
    let program = played.executables.writer.executable
    guard FileManager.default.isExecutableFile(atPath: program) else {
      throw ValidationError(
        "there is no executable \(program): build it, or name it with --executable")
    }
    let seed = seed ?? UInt64.random(in: 1...999_999)
    print(
      "\(played.name)\(postgres ? " on PostgreSQL" : ""), seed \(seed), \(chosen.count) scenarios, \(parallel) at a time, \(minutes) minutes"
    )
    var playable: [Scenario] = []
    for scenario in chosen {
      if let obstacle = scenario.obstacle(on: choice, with: played, storesIn: store) {
        print("not played: \(scenario.name): \(obstacle)")
      } else {
        playable.append(scenario)
      }
    }
    let torture = TortureRun(
      scenarios: playable, on: choice, with: played, storesIn: store, seed: seed,
      parallel: parallel, deadline: .now + .seconds(minutes * 60))
    // Each scenario ends its processes first.
    try await runUntilSignal(limit: .seconds(120)) { try await torture.run() }
    print(torture.report(notPlayed: chosen.count - playable.count))
    if !torture.failures.isEmpty { throw ExitCode(1) }
  }
}

/// The applications that can be played with.
package enum ApplicationName: String, ExpressibleByArgument, CaseIterable, Sendable {
  case orders, notes

  func application(_ executable: String?, invoices: String?) -> any TortureApplication {
    switch self {
    case .orders: OrdersApplication(invoices: invoices)
    case .notes: NotesApplication(executable: executable ?? NotesApplication.builtPath)
    }
  }
}

/// Plays scenarios until the time is up.
private final class TortureRun: Sendable {
  private struct State {
    var played: [String: Int] = [:]
    var failures: [String] = []
    var seconds = 0.0
  }

  private let scenarios: [Scenario]
  private let choice: KafkaChoice
  private let application: any TortureApplication
  private let store: StoreChoice
  private let seed: UInt64
  private let parallel: Int
  private let deadline: ContinuousClock.Instant
  private let start = ContinuousClock.now
  private let tally = Tally()
  private let state = Locked(State())

  init(
    scenarios: [Scenario], on choice: KafkaChoice, with application: any TortureApplication,
    storesIn store: StoreChoice, seed: UInt64, parallel: Int, deadline: ContinuousClock.Instant
  ) {
    self.scenarios = scenarios
    self.choice = choice
    self.application = application
    self.store = store
    self.seed = seed
    self.parallel = parallel
    self.deadline = deadline
  }

  var failures: [String] { state.withLock { $0.failures } }

  func run() async throws {
    var random = SeededRandom(seed: seed)
    var order = scenarios.shuffled(using: &random)
    var isFirstRound = true
    await withTaskGroup(of: Void.self) { group in
      var running = 0
      var number: UInt64 = 0
      while !Task.isCancelled, !scenarios.isEmpty {
        if order.isEmpty {
          order = scenarios.shuffled(using: &random)
          isFirstRound = false
        }
        if !isFirstRound, ContinuousClock.now >= deadline { break }
        if running == parallel || running > 0 && order[0].isAlone(on: choice) {
          await group.next()
          running -= 1
          continue
        }
        let scenario = order.removeFirst()
        number += 1
        let seed = seed &* 1000 &+ number
        if scenario.isAlone(on: choice) {
          await play(scenario, seed: seed)
        } else {
          group.addTask { await self.play(scenario, seed: seed) }
          running += 1
        }
      }
    }
    try Task.checkCancellation()
  }

  private func play(_ scenario: Scenario, seed: UInt64) async {
    let begin = ContinuousClock.now
    do {
      try await scenario.run(
        seed: seed, tally: tally, on: choice, with: application, storesIn: store)
      let seconds = (ContinuousClock.now - begin).components.seconds
      print("held     \(scenario.name), seed \(seed), \(seconds) s")
    } catch {
      if Task.isCancelled { return }
      print("FAILED   \(error)")
      state.withLock { $0.failures.append("\(error)") }
    }
    fflush(nil)
    state.withLock { $0.played[scenario.name, default: 0] += 1 }
  }

  func report(notPlayed: Int) -> String {
    let (played, failures) = state.withLock { ($0.played, $0.failures) }
    var table = TextTable("", "count")
    table.add("scenarios played", grouped(played.values.reduce(0, +)))
    table.add("different scenarios", grouped(played.count))
    if notPlayed > 0 { table.add("scenarios that can't be played here", grouped(notPlayed)) }
    table.add("processes killed", grouped(tally.processesKilled))
    for count in Tally.Count.allCases { table.add(count.rawValue, grouped(tally[count])) }
    table.add("scenarios in which something did not hold", grouped(failures.count))
    let minutes = (ContinuousClock.now - start).components.seconds / 60
    return "\nseed \(seed), \(minutes) minutes\n\n\(table.text)"
  }
}
