import Eventually
import EventuallySQLite
import EventuallyTesting
import FaultScenarios
import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import EventuallyCommand
@testable import EventuallyServer
@testable import Orders

private let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// More connections and more waiting queries than a server takes: it goes on, and ends when it is told to.
@Suite(.serialized, .timeLimit(.minutes(10))) struct FloodTests {
  private let half = "GET /heal"

  private func api(_ limits: ServerLimits = ServerLimits()) -> API {
    var api = API(title: "test", summary: "test")
    api.limits = limits
    api.addHealth(Heartbeats())
    return api
  }

  // MARK: Connections that nobody handles

  /// Why `AcceptedConnections` exists: where this ends with success, it is not needed any more.
  @Test func aConnectionThatIsDroppedWithoutItTraps() async throws {
    let ended = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let channel = NIOAsyncTestingChannel()
      let connections = HTTP1Channel(responder: { _, _, _ in })
      let value = try await channel.eventLoop.flatSubmit {
        connections.setup(channel: channel, logger: silent)
      }.get()
      let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
      try await channel.connect(to: address).get()
      withExtendedLifetime(value) {}
    }
    let said = String(decoding: try #require(ended).standardErrorContent, as: UTF8.self)
    #expect(said.contains("Deinited NIOAsyncWriter without calling finish()"), "\(said)")
  }

  @Test func aConnectionThatNobodyHandlesIsClosed() async throws {
    let channel = NIOAsyncTestingChannel()
    let connections = AcceptedConnections(HTTP1Channel(responder: { _, _, _ in }))
    var value: AcceptedConnections.Value? = try await channel.eventLoop.flatSubmit {
      connections.setup(channel: channel, logger: silent)
    }.get()
    try await channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()
    #expect(channel.isActive && value != nil)
    value = nil
    try await waitUntil("its end", within: .seconds(20)) { !channel.isActive }
    // One that is dropped before it is open, too.
    let early = NIOAsyncTestingChannel()
    value = try await early.eventLoop.flatSubmit {
      connections.setup(channel: early, logger: silent)
    }.get()
    value = nil
    try await early.closeFuture.get()
  }

  @Test func aServerThatIsCancelledInAFloodEnds() async throws {
    for round in 0..<10 {
      let folder = try Pipeline()
      let file = folder.file("url")
      let server = HTTPServer(
        api: api(), listen: try #require(ListenAddress("127.0.0.1:0")), addressFile: file,
        logger: silent)
      let running = Task { try await server.run() }
      try await waitUntil("the server") { FileManager.default.fileExists(atPath: file) }
      let flood = Flood(try String(contentsOfFile: file, encoding: .utf8).filter { $0 != "\n" })
      for number in 0..<400 {
        flood.open()
        if number == 20 + round * 40 { running.cancel() }
      }
      _ = await running.result
    }
  }

  @Test(arguments: ["writer", "projector"])
  func sigtermInAFloodOfConnectionsEndsInOrder(program: String) async throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SeededRandom(seed: seed)
    let pipeline = try Pipeline()
    for round in 0..<10 {
      let file = pipeline.file("\(round).url")
      let places =
        program == "writer"
        ? ["--store", pipeline.store, "--brokers", "127.0.0.1:1"]
        : ["--read-models", pipeline.readModels]
      let process = try await pipeline.start(
        program, ["serve", "--listen", "127.0.0.1:0", "--address-file", file] + places)
      let flood = Flood(try await pipeline.content(of: file, by: process))
      let last = Int.random(in: 0..<1_900, using: &random)
      for number in 0..<2_000 {
        flood.open(sending: number % 3 == 0 ? half : nil)
        if number == last { process.send(SIGTERM) }
        // The server takes some of them meanwhile.
        if number % 100 == 0 { try await Task.sleep(for: .milliseconds(1)) }
      }
      let code = try await process.exitCode(within: .seconds(30))
      #expect(code == 0, "seed \(seed), round \(round): \(process.lastWords)")
      #expect(!process.log.contains("Fatal error"), "seed \(seed): \(process.lastWords)")
    }
  }

  // MARK: Eviction

  @Test func connectionsOfAFloodMakeWayForThoseThatAsk() async throws {
    let limit = 64
    var limits = ServerLimits()
    limits.connections = limit
    try await serving(api(limits)) { endpoint in
      let flood = Flood(endpoint.base)
      for _ in 0..<40 {
        for number in 0..<50 { flood.open(sending: number % 2 == 0 ? half : nil) }
        let connection = try RawConnection(endpoint.base)
        connection.send("GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n")
        let answer = try await connection.answer(within: .seconds(20))
        #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(answer)")
      }
      // At most those within the limit are still open.
      try await waitUntil("the others' end", within: .seconds(20)) {
        flood.closed(ofFirst: 2_000) >= 2_000 - limit
      }
    }
  }

  /// Connections leave descriptors for what else a process opens, however few it may have.
  @Test func connectionsTakeAtMostHalfOfTheDescriptors() async throws {
    let pipeline = try Pipeline()
    let file = pipeline.file("url")
    let process = try await RunningProcess.start(
      "/bin/sh",
      [
        "-c", #"ulimit -n 200; exec "$@""#, "sh", "\(buildFolder)/writer", "serve", "--store",
        pipeline.store, "--brokers", "127.0.0.1:1", "--listen", "127.0.0.1:0", "--address-file",
        file,
      ], log: pipeline.file("log"))
    let url = try await pipeline.content(of: file, by: process)
    let flood = Flood(url)
    for _ in 0..<400 { flood.open(sending: half) }
    let connection = try RawConnection(url)
    connection.send("GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n")
    #expect(try await connection.answer(within: .seconds(20)).hasPrefix("HTTP/1.1 200 "))
    let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.processID)/fd")
    #expect(open.count < 160, "\(open.count) descriptors")
    #expect(try await process.stop() == 0)
  }

  // MARK: Queries that wait

  @Test func noMoreThanALimitOfQueriesWaitAndHealthIsAnswered() async throws {
    _ = DescriptorLimit.raise(to: 8192)
    let pipeline = try Pipeline()
    func create(_ definition: some ReadModelDefinition) async throws {
      let live = try await LiveReadModel.open(
        definition.directory(in: pipeline.readModels), model: definition.model,
        codec: definition.codec, storeID: "store", partitionCount: 4)
      #expect(try await live.completeBuild(through: []))
    }
    for readModel in try ApplicationModel.shop().readModels { try await create(readModel) }
    let file = pipeline.file("url")
    let server = try await pipeline.start(
      "projector", "serve", "--read-models", pipeline.readModels, "--listen", "127.0.0.1:0",
      "--address-file", file)
    let queries = try #require(HTTPEndpoint(try await pipeline.content(of: file, by: server)))
    let limit = ServerLimits().waitingQueries
    let waiting = try (0..<1_030).map { _ in
      let connection = try RawConnection(queries.base)
      connection.send("GET /sales?after=0-99&wait=30 HTTP/1.1\r\nHost: test\r\n\r\n")
      return connection
    }
    try await waitUntil("answers to those that are too many", within: .seconds(20)) {
      for connection in waiting { connection.receive() }
      return waiting.count { !$0.bytes.isEmpty } == waiting.count - limit
    }
    for path in ["/healthz", "/readyz"] {
      let begun = ContinuousClock.now
      let answer = try await queries.text(path)
      #expect(answer.status == 200, "\(path): \(answer)")
      #expect(ContinuousClock.now - begun < .seconds(20), "\(path)")
    }
    for connection in waiting where !connection.bytes.isEmpty {
      #expect(connection.text.hasPrefix("HTTP/1.1 503 "), "\(connection.text)")
      #expect(connection.text.lowercased().contains("retry-after: 1"), "\(connection.text)")
      #expect(connection.text.contains("\(limit) queries are waiting"), "\(connection.text)")
    }
    #expect(waiting.count { $0.bytes.isEmpty } == limit)
    #expect(try await server.stop() == 0)
  }

  // MARK: The end

  /// An answer without an end.
  private struct Endless: ResponsePieces {
    final class Count: Sendable { let value = Locked(0) }
    let made: Count

    func writeNext(_ json: inout JSONWriter) async throws -> Bool {
      json.bytes += [UInt8](repeating: 0x20, count: 100_000)
      made.value.withLock { $0 += 1 }
      return true
    }
  }

  @Test func aClientThatDoesNotReadDoesNotHoldTheEnd() async throws {
    var limits = ServerLimits()
    limits.drain = .seconds(1)
    limits.stalledWrite = .seconds(60)
    var api = api(limits)
    let made = Endless.Count()
    api.add(
      API.Operation(.get, "/endless", "", answers: []) { _ in
        try await JSONResponse(pieces: Endless(made: made))
      })
    let folder = try Pipeline()
    let file = folder.file("url")
    let server = HTTPServer(
      api: api, listen: try #require(ListenAddress("127.0.0.1:0")), addressFile: file,
      logger: silent)
    let told = Locked<ContinuousClock.Instant?>(nil)
    try await runServices([server], logger: silent) {
      try await waitUntil("the server") { FileManager.default.fileExists(atPath: file) }
      let url = try String(contentsOfFile: file, encoding: .utf8)
      let deaf = try RawConnection(url.filter { $0 != "\n" }, receiveBuffer: 4096)
      deaf.send("GET /endless HTTP/1.1\r\nHost: test\r\n\r\n")
      var before = -1
      try await waitUntil("the answer to stand still") {
        defer { before = made.value.withLock { $0 } }
        try await Task.sleep(for: .milliseconds(200))
        return before > 0 && made.value.withLock { $0 } == before
      }
      told.withLock { $0 = .now }
      // It is open until the server has closed it.
      Task {
        try await deaf.end()
      }
    }
    let taken = ContinuousClock.now - (try #require(told.withLock { $0 }))
    #expect(taken >= .milliseconds(900) && taken < .seconds(40), "\(taken)")
  }
}
