import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallyPostgres

struct ConnectionTests {
  private func connection(
    _ limits: PostgresConnection.Limits = .init()
  ) async throws -> PostgresConnection {
    try await PostgresConnection(TestServer.shared.get().url(), limits: limits)
  }

  @Test func valuesComeBackAsTheyWere() async throws {
    let connection = try await connection()
    let rows = try await connection.run(
      [
        PostgresStatement(
          "SELECT $1::int8, $2::int4, $3::bool, $4::text, $5::bytea, $6::text, $7::bytea",
          .int8(.min), .int4(-7), .bool(true), .text("ệ€\u{1F680}"), .bytes([0, 255, 10]), .null,
          .bytes([])),
        PostgresStatement(
          "SELECT * FROM unnest($1::int8[], $2::text[], $3::bytea[], $4::int4[])",
          .int8s([1, nil, 3]), .texts(["a", nil, ""]), .byteas([[0], nil, []]), .int4s([1, 2, 3])),
        PostgresStatement("SELECT * FROM unnest($1::int8[])", .int8s([])),
      ], "select")
    #expect(rows.count == 3)
    #expect(try rows[0].integer(0, 0) == .min)
    #expect(try rows[0].integer(0, 1) == -7)
    #expect(try rows[0].bool(0, 2))
    #expect(try rows[0].text(0, 3) == "ệ€\u{1F680}")
    #expect(try rows[0].bytes(0, 4) == [0, 255, 10])
    #expect(rows[0].isNull(0, 5) && !rows[0].isNull(0, 6))
    #expect(try rows[0].bytes(0, 6) == [])
    #expect(rows[1].count == 3)
    #expect(rows[1].isNull(1, 0) && rows[1].isNull(1, 1) && rows[1].isNull(1, 2))
    #expect(try rows[1].integer(2, 0) == 3)
    #expect(try rows[1].text(2, 1) == "")
    #expect(rows[2].count == 0)
    #expect(throws: PostgresError.self) { try rows[0].integer(0, 3) }
    #expect(throws: PostgresError.self) { try rows[0].integer(1, 0) }
  }

  /// A thousand statements and megabytes of them: neither side waits for the other to read.
  @Test func muchIsSentAtOnce() async throws {
    let connection = try await connection()
    let bytes = [UInt8](repeating: 7, count: 20_000)
    let rows = try await connection.run(
      (0..<1000).map {
        PostgresStatement("SELECT $1::int8, $2::bytea", .int8($0), .bytes(bytes))
      }, "echo")
    #expect(rows.count == 1000)
    for (number, row) in rows.enumerated() {
      #expect(try row.integer(0, 0) == Int64(number))
      #expect(try row.bytes(0, 1).count == bytes.count)
    }
  }

  @Test func aRefusedStatementTakesTheExchangeBack() async throws {
    let connection = try await PostgresConnection(try await TestServer.shared.get().makeDatabase())
    _ = try await connection.run(
      [PostgresStatement("CREATE TABLE t (n int8 PRIMARY KEY)")], "create")
    let insert = PostgresStatement("INSERT INTO t VALUES ($1)", .int8(1))
    for _ in 0..<2 {
      let error = await #expect(throws: PostgresError.self) {
        try await connection.run(
          [insert, insert, PostgresStatement("SELECT 1/0")], "insert")
      }
      #expect(error?.state == .uniqueViolation, "\(error as Any)")
    }
    let rows = try await connection.run(
      [
        PostgresStatement("SELECT count(*) FROM t"), insert,
        PostgresStatement("SELECT count(*) FROM t"),
      ],
      "count")
    #expect(try rows[0].integer(0, 0) == 0)
    #expect(rows[1].changed == 1)
    #expect(try rows[2].integer(0, 0) == 1)
  }

  @Test func whatTakesTooLongIsStopped() async throws {
    let connection = try await connection(.init(exchange: .milliseconds(200)))
    let error = await #expect(throws: PostgresError.self) {
      try await connection.run([PostgresStatement("SELECT pg_sleep(600)")], "sleep")
    }
    #expect(error?.kind == .timedOut, "\(error as Any)")
    #expect(connection.ending.withLock { $0 } != nil)
  }

  @Test func aCancelledCallerStopsTheServer() async throws {
    let connection = try await connection()
    let task = Task {
      try await connection.run([PostgresStatement("SELECT pg_sleep(600)")], "sleep")
    }
    let other = try await self.connection()
    try await until("the statement runs") {
      let rows = try await other.run(
        [
          PostgresStatement(
            "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND state = 'active' AND application_name = 'eventually'"
          )
        ], "look")
      return try rows[0].integer(0, 0) > 0
    }
    task.cancel()
    let error = await #expect(throws: PostgresError.self) { try await task.value }
    #expect(error?.kind == .cancelled, "\(error as Any)")
  }

  @Test func aCallerThatWasCancelledBeforeStopsTheServer() async throws {
    let connection = try await connection()
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await connection.run([PostgresStatement("SELECT pg_sleep(600)")], "sleep")
    }
    let error = await #expect(throws: PostgresError.self) { try await task.value }
    // What arrives before the statement has begun stops nothing: then the connection is given up.
    #expect(
      error?.kind == .cancelled || error?.message.contains("did not stop in time") == true,
      "\(error as Any)")
  }

  @Test(arguments: [true, false])
  func anEndedConnectionIsNoticed(_ isBusy: Bool) async throws {
    let connection = try await connection()
    let pid = try await connection.run([PostgresStatement("SELECT pg_backend_pid()")], "ask")[0]
      .integer(0, 0)
    let task = Task {
      if isBusy {
        _ = try await connection.run([PostgresStatement("SELECT pg_sleep(600)")], "sleep")
      }
    }
    let other = try await self.connection()
    if isBusy {
      try await until("the statement runs") {
        let rows = try await other.run(
          [
            PostgresStatement(
              "SELECT state = 'active' FROM pg_stat_activity WHERE pid = $1", .int4(Int32(pid)))
          ], "look")
        return try rows[0].bool(0, 0)
      }
    }
    _ = try await other.run(
      [PostgresStatement("SELECT pg_terminate_backend($1)", .int4(Int32(pid)))], "end")
    if isBusy {
      let error = await #expect(throws: PostgresError.self) { try await task.value }
      #expect(error?.state?.rawValue == "57P01", "\(error as Any)")
    }
    try await until("it has ended") { connection.ending.withLock { $0 } != nil }
    await #expect(throws: PostgresError.self) {
      try await connection.run([PostgresStatement("SELECT 1")], "ask")
    }
  }

  @Test func notificationsCome() async throws {
    let listener = try await connection()
    let channel = "c\(UInt32.random(in: 0 ... .max))"
    let notifications = listener.notifications()
    _ = try await listener.run([PostgresStatement("LISTEN \(channel)")], "listen")
    let other = try await connection()
    _ = try await other.run(
      [PostgresStatement("SELECT pg_notify($1, $2)", .text(channel), .text("ệ"))], "notify")
    var found: PostgresNotification?
    for await notification in notifications {
      found = notification
      break
    }
    #expect(found == PostgresNotification(channel: channel, payload: "ệ"))
    await listener.close()
    for await _ in notifications {}
  }

  @Test(arguments: [
    "postgres://postgres@127.0.0.1:1/postgres", "postgres://nobody@127.0.0.1:PORT/none",
    "postgres://%zz",
    "host=/nowhere dbname=x", "nonsense",
  ])
  func whatCantBeReachedSaysWhy(_ url: String) async throws {
    let port =
      try TestServer.shared.get().url().split(separator: ":").last?.prefix { $0 != "/" } ?? ""
    let error = await #expect(throws: PostgresError.self) {
      try await PostgresConnection(url.replacing("PORT", with: port))
    }
    #expect(error?.kind == .unreachable && error?.message.isEmpty == false, "\(error as Any)")
  }
}

/// Waits for a condition, for a minute.
func until(_ what: String, _ condition: () async throws -> Bool) async throws {
  let deadline = ContinuousClock.now + .seconds(60)
  while try await !condition() {
    guard ContinuousClock.now < deadline else {
      throw ScenarioFailure("waited in vain: \(what)")
    }
    try await Task.sleep(for: .milliseconds(10))
  }
}
