import Eventually
import EventuallyServer
import Foundation

extension Scenario {
  /// A development broker keeps 5 MiB of each, and a large file is to be whole in the topic.
  private static let partitions = 24
  fileprivate static let workers: [(role: ReadModelRole, name: String)] = [
    (.first, "first-1"), (.first, "first-2"), (.first, "first-3"), (.second, "second-1"),
    (.second, "second-2"), (.second, "second-3"), (.third, "third-1"), (.third, "third-2"),
  ]

  static func everythingKilled(_ stage: Stage) async throws {
    // What the server loses of read models, a worker learns with its next batch.
    stage.observer.setReadsFiles(false)
    let file = try stage.invoices()
    let expected = try await stage.importedIntoFiles(file, partitions: partitions)
    try await stage.startTwoWriters(partitions: partitions)
    for (role, name) in workers {
      try await stage.startWorker(role, name, feed: stage.pipeline.store)
    }
    let imports = try (1...2).map {
      Import(file, at: $0 == 1 ? try stage.writer : stage.others[0].endpoint, number: $0)
    }
    for one in imports { try await one.start(stage) }
    var victims: [Victim] = workers.indices.map { .worker($0) } + [.import(0), .import(1)]
    for _ in 1...2 { victims += [.writer, .otherWriter] }
    if stage.pipeline.database?.server != nil { victims += [.server, .server, .server] }
    for victim in victims.shuffled(using: &stage.random) {
      try await stage.pause(200...1200)
      for one in imports { try await one.check(stage) }
      try await stage.kill(victim, imports)
    }
    for one in imports { try await one.ends(stage) }
    let head = await stage.pipeline.head()
    guard head == expected.head else {
      throw NotAsExpected("there are \(head) events in the store instead of \(expected.head)")
    }
    for worker in stage.workers.values { try await stage.becomesReady(worker) }
    try await stage.publishedWhole()
    let digests = try await stage.pipeline.harness.verify(stage.names(ReadModelRole.allCases))
    guard digests == expected.digests else {
      throw NotAsExpected("the digests are \(digests), and those of files \(expected.digests)")
    }
    try await stage.checkAll(ReadModelRole.allCases)
  }

  fileprivate enum Victim {
    case writer, otherWriter, server
    case worker(Int)
    case `import`(Int)
  }
}

/// An import that is started again whenever it is killed, and when it is done while others are still to be killed.
private final class Import {
  private let file: String
  private let writer: HTTPEndpoint
  private let number: Int
  private var process: RunningProcess?

  init(_ file: String, at writer: HTTPEndpoint, number: Int) {
    self.file = file
    self.writer = writer
    self.number = number
  }

  func start(_ stage: Stage) async throws {
    process = try await stage.pipeline.start(
      "writer", "import", file, "--url", writer.base, "--rejected",
      stage.pipeline.file("rejected-\(number).csv"))
  }

  /// One that is done finds everything there when it is run again.
  func check(_ stage: Stage) async throws {
    guard let process, !process.isRunning else { return }
    try await ends(stage)
    try await start(stage)
  }

  func kill(_ stage: Stage) async throws {
    process?.kill()
    stage.tally.add(.importsKilled)
    try await start(stage)
  }

  func ends(_ stage: Stage) async throws {
    guard let process else { return }
    guard try await process.exitCode(within: .seconds(300)) == 0 else {
      throw NotAsExpected("the import failed: \(process.log.suffix(1500))")
    }
  }
}

extension Stage {
  /// What a store and read models in files have of a file of invoices.
  fileprivate struct Expected {
    var head: UInt64
    var digests: [String: String]
  }

  /// The file that the application names, or one that is made up.
  fileprivate func invoices() throws -> String {
    if let file = (application as? OrdersApplication)?.invoices { return file }
    let file = pipeline.file("invoices.csv")
    try Data(Scenario.invoiceFile(3000, &random).utf8).write(to: URL(filePath: file))
    return file
  }

  /// Imports a file with store and read models in files, and nothing killed.
  fileprivate func importedIntoFiles(_ file: String, partitions: Int) async throws -> Expected {
    let files = try Pipeline(on: choice, of: application.executables, topic: application.name)
    do {
      try await files.startBroker(partitions: partitions)
      let writer = try await files.startWriter("--partitions", "\(partitions)")
      let workers = try await files.startAllProjectors(feed: writer.base)
      let process = try await files.start(
        "writer", "import", file, "--url", writer.base, "--rejected", files.file("rejected.csv"))
      guard try await process.exitCode(within: .seconds(300)) == 0 else {
        throw NotAsExpected("the import into files failed: \(process.log.suffix(1500))")
      }
      let expected = Expected(
        head: await files.head(),
        digests: try await files.harness.verify(names(ReadModelRole.allCases)))
      for worker in workers { worker.kill() }
      try await files.close()
      return expected
    } catch {
      try? await files.close()
      throw error
    }
  }

  fileprivate func kill(_ victim: Scenario.Victim, _ imports: [Import]) async throws {
    switch victim {
    case .writer:
      killWriter()
      try await pause(0...1000)
      try await startWriter()
    case .otherWriter:
      others[0].process.kill()
      tally.add(.writersKilled)
      try await pause(0...1000)
      try await startOtherWriter()
    case .worker(let index):
      let (role, name) = Scenario.workers[index]
      killWorker(name)
      try await startWorker(role, name, feed: pipeline.store)
    case .import(let index): try await imports[index].kill(self)
    case .server:
      try await server.kill()
      try await pause(0...1500)
      try await server.start()
      tally.add(.serversKilled)
    }
  }
}
