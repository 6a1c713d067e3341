import Eventually
import EventuallyKafka
import EventuallyTesting
import Foundation
import HTTPTypes
import Testing

@testable import EventuallyServer

/// What a process sees of the pipeline, in both kinds of databases.
@Suite(.timeLimit(.minutes(5))) struct OverviewTests {
  private func check(_ store: StoreLocation?, _ readModels: ReadModelLocation) async throws {
    let bank = try await TestWriter(Bank(), store: store)
    for number in 0..<20 {
      #expect(
        try await bank.post("/accounts/\(number)/open", #"{"owner":"a"}"#).status == 200)
      #expect(try await bank.post("/accounts/\(number)/pay-in", #"{"cents":5}"#).status == 200)
    }
    let definition = try #require(bank.writer.application.readModel("owners"))
    try await bank.build(definition, in: readModels)
    var parts = try #require(bank.api.consoleParts)
    parts.readModels = readModels
    let sources = ConsoleSources(parts, options: ConsoleOptions())
    let overview = Overview(PipelineWatch(sources, process: parts.process))
    let look = await overview.frame().look
    #expect(look.failures.map(\.why) == [])
    #expect(look.store?.head == 40 && look.store?.heads.count == 4)
    #expect(look.store?.kind == (store == nil ? "SQLite" : "PostgreSQL"))
    #expect(look.latest.map(\.position.sequenceNumber) == Array((27...40).reversed()))
    let model = try #require(look.readModels.first)
    #expect(model.generation == 1 && model.applied == 40 && model.lag(look.store) == 0)
    #expect(model.firstUnapplied == nil && model.workers == [])
    // What is appended now is not applied, and says since when.
    let before = Timestamp.now()
    #expect(try await bank.post("/accounts/x/open", #"{"owner":"a"}"#).status == 200)
    var later = await overview.frame()
    // On a busy machine a look may lack what did not answer in time.
    while later.look.readModels.first?.lag(later.look.store) != 1 {
      later = await overview.frame()
      try await Task.sleep(for: .milliseconds(10))
    }
    let behind = try #require(later.look.readModels.first)
    #expect(behind.lag(later.look.store) == 1)
    let since = try #require(behind.firstUnapplied)
    #expect(since.microseconds >= before.microseconds - 1_000_000 && since <= .now())
    #expect(later.problems.contains { $0.id == "no worker owners" })
    // The command line says the same.
    var lines: [String] = []
    try await waitUntil("the line of the read model", seen: { "\(lines)" }) {
      lines = await PipelineProblems.lines(
        of: bank.writer.application, store: store ?? .file("\(bank.folder)/store.sqlite"),
        readModels: readModels)
      return lines.contains {
        $0.hasPrefix("wrong: No worker runs for owners: none has reported for 5 s; 1 event")
          && $0.hasSuffix(". Start one: projector run owners")
      }
    }
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(later.json())) as? [String: Any])
    #expect((json["readModels"] as? [[String: Any]])?.first?["lag"] as? Int == 1)
    #expect((json["latest"] as? [[String: Any]])?.count == 14)
  }

  @Test func inFiles() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "overview-\(UUID())").path()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await check(nil, .folder(folder))
  }

  @Test(.enabled(if: PostgresServer.obstacle == nil)) func inPostgreSQL() async throws {
    let server = try await PostgresServer.start()
    try await check(.postgres(server.url()), .postgres(server.url()))
    withExtendedLifetime(server) {}
  }

  @Test func aProcessWithTheFeedAloneSeesTheRelay() async throws {
    let bank = try await TestWriter(Bank())
    let readiness = await bank.api.answer(APIRequest(.get, "/readyz"))
    let own = try PipelineLook.Relay(
      readiness: try await readiness.wholeBody(), of: "http://writer", published: 7)
    #expect(own.phase == .connecting && own.publisher == "http://writer" && own.published == 7)
    let other = try PipelineLook.Relay(
      readiness: Array(
        #"{"status":"ready","publisher":"standby","publishedBy":"b","epoch":3,"failure":"f","refused":[{"a":1}]}"#
          .utf8), of: "http://writer", published: 0)
    #expect(other.phase == .standby && other.publisher == "b" && other.epoch == 3)
    #expect(other.failure == "f" && other.cursorFailure == nil)
    #expect(throws: (any Error).self) {
      try PipelineLook.Relay(readiness: Array("<html>".utf8), of: "", published: 0)
    }
    #expect(try await bank.post("/accounts/a/open", #"{"owner":"a"}"#).status == 200)
    // And by HTTP, with the token that the feed asks for.
    try await ConsoleServer.serving(bank.api) { server async throws -> Void in
      var endpoint = try #require(HTTPEndpoint(server.url))
      endpoint.token = ConsoleServer.reader
      var parts = try #require(bank.api.consoleParts)
      (parts.writer, parts.feed) = (nil, .writer(endpoint))
      let sources = ConsoleSources(parts, options: ConsoleOptions())
      // On a busy machine the server may take longer than the watch waits.
      let watch = PipelineWatch(sources, process: parts.process)
      let deadline = ContinuousClock.now + .seconds(60)
      var look = await watch.look()
      while !look.failures.isEmpty, .now < deadline { look = await watch.look() }
      #expect(look.failures.map(\.why) == [])
      #expect(look.relay?.phase == .connecting && look.store?.heads.count == 4)
      #expect(look.latest.map(\.streamID) == ["account/a"])
    }
  }

  @Test func aReadModelThatDoesNotAnswerIsAProblemAndHoldsNothingUp() async throws {
    let work = BoundedWork<Int>()
    let gate = PositionSignal(at: 0)
    let begun = Locked(0)
    for _ in 0..<3 {
      await #expect(throws: BoundedWork<Int>.NoAnswer.self) {
        try await work.run(within: .milliseconds(20)) {
          begun.withLock { $0 += 1 }
          await gate.wait(past: 0)
          return 7
        }
      }
    }
    #expect(begun.withLock { $0 } == 1, "it was begun again while it ran")
    gate.advance(to: 1)
    var found = try? await work.run(within: .seconds(60)) { 7 }
    #expect(found == 7)
    found = try? await work.run(within: .seconds(60)) { 8 }
    #expect(found == 8)
  }
}
