import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallyPostgres

/// PgBouncer in front of the server.
@Suite(
  .timeLimit(.minutes(5)), .enabled(if: Pooler.program != nil, "PgBouncer is not installed here"))
struct PoolerTests {
  @Test func aPoolerThatLeavesSessionsToClientsDoesNoHarm() async throws {
    let pooler = try await Pooler(mode: "session")
    let schema = TestStores.schema()
    let stores = [
      try await TestStores.openRecords(pooler.url, schema: schema),
      try await TestStores.openRecords(pooler.url, schema: schema),
    ]
    let term = try await stores[0].lease { _ in }
    for number in 0..<50 { _ = try await stores[number % 2].append(["e"], to: "s \(number % 7)") }
    // The other one is told by NOTIFY, or asks.
    try await until("both know of all") { stores.allSatisfy { $0.head.position == 50 } }
    try await stores[0].markPublished(50, under: term)
    await term.release()
    // An answer that does not come is given up, and the session with it.
    let cancelled = Task {
      try await stores[0].postgresLog.reader.pool.run(
        [PostgresStatement("SELECT pg_sleep(60)")], "sleep")
    }
    try await Task.sleep(for: .milliseconds(200))
    cancelled.cancel()
    await #expect(throws: PostgresError.self) { try await cancelled.value }
    #expect(try await stores[0].log.head() == 50)
    for store in stores { await store.close() }
    let database = try await PostgresReadModels(pooler.url, catalog: "c\(schema)")
    await database.close()
  }

  @Test(arguments: ["transaction", "statement"])
  func aPoolerThatSharesSessionsIsRefused(_ mode: String) async throws {
    let pooler = try await Pooler(mode: mode)
    let opened = await #expect(throws: StoreOpenError.self) {
      try await TestStores.openRecords(pooler.url)
    }
    #expect("\(opened as Any)".contains("pool_mode = session"), "\(opened as Any)")
    let read = await #expect(throws: StoreOpenError.self) {
      try await PostgresEventLog(url: pooler.url)
    }
    #expect("\(read as Any)".contains("pool_mode = session"), "\(read as Any)")
    let catalog = await #expect(throws: ReadModelError.self) {
      try await PostgresReadModels(pooler.url)
    }
    #expect("\(catalog as Any)".contains("pool_mode = session"), "\(catalog as Any)")
    let replica = await #expect(throws: ReadModelError.self) {
      try await PostgresReadModels(
        TestServer.shared.get().url(), replica: pooler.url, catalog: TestStores.schema())
    }
    #expect("\(replica as Any)".contains("the replica postgres://"), "\(replica as Any)")
    #expect("\(replica as Any)".contains("pool_mode = session"), "\(replica as Any)")
  }
}

/// A PgBouncer of a test's own, in front of the shared server. It ends with the last reference to it.
private final class Pooler: Sendable {
  static var program: String? {
    let named = ProcessInfo.processInfo.environment["EVENTUALLY_TEST_PGBOUNCER"]
    return [named, "/usr/sbin/pgbouncer"].compactMap { $0 }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }

  let url: String
  private let process: RunningProcess

  init(mode: String) async throws {
    let server = try TestServer.shared.get()
    let port = try PostgresServer.freePort()
    let folder = FileManager.default.temporaryDirectory.appending(path: "pooler-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let file = "\(folder)/pgbouncer.ini"
    try Data(
      """
      [databases]
      * = host=127.0.0.1 port=\(server.server.port) user=postgres
      [pgbouncer]
      listen_addr = 127.0.0.1
      listen_port = \(port)
      unix_socket_dir =
      auth_type = any
      pool_mode = \(mode)
      default_pool_size = 60

      """.utf8
    ).write(to: URL(filePath: file))
    // It does not run as root.
    process = try await RunningProcess.start(
      try #require(Self.program), (getuid() == 0 ? ["-u", "postgres"] : []) + [file],
      log: "\(folder)/log")
    url = "postgres://postgres@127.0.0.1:\(port)/postgres"
    try await until("the pooler takes connections") {
      guard process.isRunning else { throw ScenarioFailure(process.log) }
      guard let connection = try? await PostgresConnection(url) else { return false }
      await connection.close()
      return true
    }
  }

  deinit { process.kill() }
}
