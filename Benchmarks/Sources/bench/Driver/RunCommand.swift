import ArgumentParser
import Foundation

/// Measures everything.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Measure, print a table, and write it as Markdown and JSON.")

  enum Section: String, CaseIterable, ExpressibleByArgument {
    case append, group, codec, order, read, publish, consume, latency, replay, takeover, memory
    case large, postgres
  }

  @Flag(help: "Fewer events and one run of each: whether it works, not how fast it is.")
  var quick = false
  @Option(help: "How often each measurement and its reference run.")
  var repetitions = 3
  @Option(help: "Only these sections; may be given more than once.")
  var only: [Section] = []
  @Option(help: "Where the table goes, as results.md and results.json.")
  var output = "."
  @Option(help: "Where the programs writer and projector are, for measurements over HTTP.")
  var products: String?
  @Option(help: "The program that starts a PostgreSQL server to measure with.")
  var postgresServer: String?
  @Option(help: "Where stores and read models are put while they are measured; they take 5 GB.")
  var scratch = FileManager.default.temporaryDirectory.path

  @Option(
    help: ArgumentHelp(
      "Measure with this Kafka, without TLS and SASL, in place of development brokers.",
      discussion: "Topics and groups are named eventually-bench-…, and deleted again.",
      valueName: "host:port"))
  var brokers: String?

  func validate() throws {
    if let brokers, brokers.isEmpty { throw ValidationError("--brokers is empty") }
    guard (1...100).contains(repetitions) else {
      throw ValidationError("--repetitions must be from 1 to 100")
    }
  }

  func run() async throws {
    let folder = URL(filePath: scratch).appending(path: "eventually-bench-\(getpid())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let runner = try Runner(
      isQuick: quick, repetitions: quick ? 1 : repetitions, folder: folder,
      products: products.map { URL(filePath: $0) }, existing: brokers,
      postgresServer: postgresServer)
    for section in Section.allCases where only.isEmpty || only.contains(section) {
      try measure(section, runner)
    }
    var report = runner.report
    report.machine.append(
      "peaks of resident memory in MB: "
        + runner.peaks.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value / 1_000_000)" }
        .joined(separator: ", "))
    print(report.markdown)
    let target = URL(filePath: output)
    try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
    try Data(report.markdown.utf8).write(to: target.appending(path: "results.md"))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(report).write(to: target.appending(path: "results.json"))
  }

  private func measure(_ section: Section, _ runner: Runner) throws {
    switch section {
    case .append: try runner.append()
    case .group: try runner.groupCommit()
    case .codec: try runner.codec()
    case .order: try runner.orderEvents()
    case .read: try runner.read(try store(runner, quick ? 100_000 : 1_000_000, partitions: 12))
    case .publish: try runner.publish(try topicStore(runner))
    case .consume: try runner.consume(try topicStore(runner), events: topicEvents)
    case .latency: try runner.latency()
    case .replay: try runner.replay(try store(runner, quick ? 100_000 : 1_000_000, partitions: 12))
    case .takeover:
      if quick { runner.missing("take-over: takes half a minute") } else { try runner.takeOver() }
    case .memory: try runner.inMemory()
    case .large:
      if quick {
        runner.missing("a store of 10⁷ events: takes minutes")
      } else {
        try runner.large()
      }
    case .postgres: try runner.postgres(try topicStore(runner), events: topicEvents)
    }
  }

  /// What 64 partitions of the mock cluster keep.
  private var topicEvents: Int { quick ? 50_000 : 400_000 }

  private func topicStore(_ runner: Runner) throws -> String {
    try store(runner, topicEvents, partitions: 64)
  }

  private func store(_ runner: Runner, _ events: Int, partitions: Int) throws -> String {
    let path = runner.file("store-\(events)-\(partitions).db")
    if !FileManager.default.fileExists(atPath: path) {
      runner.progress("filling a store with \(events) events")
      _ = try runner.swift(["build", path, "\(events)", "\(partitions)"])
    }
    return path
  }
}
