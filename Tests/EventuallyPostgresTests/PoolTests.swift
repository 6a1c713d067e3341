import Eventually
import Testing

@testable import EventuallyPostgres

struct PoolTests {
  @Test func manyCallersShareFewConnections() async throws {
    let pool = PostgresPool(
      try TestServer.shared.get().url(), options: .init(size: 4, waiting: .seconds(60)))
    let sessions = try await withThrowingTaskGroup(of: Int64.self) { group in
      for _ in 0..<200 {
        group.addTask {
          try await pool.run([PostgresStatement("SELECT pg_backend_pid()")], "ask")[0].integer(0, 0)
        }
      }
      return try await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect((1...4).contains(sessions.count), "\(sessions)")
    await pool.close()
  }

  /// What a server has prepared takes its memory: texts that differ each time do not pile up.
  @Test func aConnectionThatHasPreparedMuchIsReplaced() async throws {
    let pool = PostgresPool(
      try TestServer.shared.get().url(), options: .init(size: 1, waiting: .seconds(60)))
    var sessions: Set<Int64> = []
    var most: Int64 = 0
    for number in 0..<ConnectionMachine.mostPrepared + 20 {
      let rows = try await pool.run(
        [
          PostgresStatement(
            "SELECT pg_backend_pid(), (SELECT count(*) FROM pg_prepared_statements), \(number)")
        ], "ask")[0]
      sessions.insert(try rows.integer(0, 0))
      most = max(most, try rows.integer(0, 1))
    }
    #expect(sessions.count == 2, "\(sessions)")
    #expect(most == ConnectionMachine.mostPrepared, "\(most)")
    await pool.close()
  }

  @Test func aCallerWaitsAsLongAsItMay() async throws {
    let pool = PostgresPool(
      try TestServer.shared.get().url(), options: .init(size: 1, waiting: .seconds(1)))
    // The first connection may take longer than a caller waits.
    try await until("there is a connection") {
      (try? await pool.run([PostgresStatement("SELECT 1")], "ask")) != nil
    }
    try await pool.withConnection { _ throws(PostgresError) in
      do throws(PostgresError) {
        _ = try await pool.run([PostgresStatement("SELECT 1")], "ask")
        Issue.record("there was a second connection")
      } catch {
        #expect(error.kind == .timedOut, "\(error)")
      }
    }
    _ = try await pool.run([PostgresStatement("SELECT 1")], "ask")
    await pool.close()
  }

  /// By its own settings the server keeps the session of a client that has gone without a word for two hours.
  @Test func theServerIsToldToLookForItsClient() async throws {
    let parameters = PostgresAddress(try TestServer.shared.get().url()).writing
    let options = PostgresPool.Options(waiting: .seconds(60))
    let pools = [
      PostgresPool(parameters, options: options),
      PostgresPool(
        parameters, options: options,
        greet: StoreSession.greet(schema: "eventually", statementTimeout: 0)),
      PostgresPool(parameters, options: options, greet: { _ in }),
    ]
    for pool in pools {
      let rows = try await pool.run(
        [
          PostgresStatement(
            """
            SELECT current_setting('tcp_keepalives_idle'), current_setting('tcp_user_timeout'),
              (SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%tcp_user_timeout%' AND statement LIKE '%set_config%' AND statement NOT LIKE '%pg_prepared%')
            """)
        ], "ask")[0]
      #expect(try rows.text(0, 0) == "5")
      #expect(try rows.text(0, 1) == "10000")
      // One statement of a session says so.
      #expect(try rows.integer(0, 2) == 1)
      await pool.close()
    }
  }

  /// Nobody has to be told that the server has ended a session that nobody used.
  @Test func aSessionThatHasEndedIsGivenToNobody() async throws {
    let url = try TestServer.shared.get().url()
    let pool = PostgresPool(url, options: .init(size: 1, waiting: .seconds(60)))
    let other = PostgresPool(url, options: .init(size: 1, waiting: .seconds(60)))
    for _ in 0..<20 {
      let (connection, session) = try await pool.withConnection {
        connection throws(PostgresError) in
        let rows = try await connection.run(
          [PostgresStatement("SELECT pg_backend_pid()")], "ask")
        return (connection, try rows[0].integer(0, 0))
      }
      _ = try await other.run(
        [PostgresStatement("SELECT pg_terminate_backend($1::bigint::integer)", .int8(session))],
        "end")
      try await until("it has ended") { !connection.isThere }
      let next = try await pool.run([PostgresStatement("SELECT pg_backend_pid()")], "ask")
      #expect(try next[0].integer(0, 0) != session)
    }
    await pool.close()
    await other.close()
  }

  @Test func aServerThatWasStartedAnewIsNoErrorToTheNext() async throws {
    let server = try TestServer()
    let pool = PostgresPool(server.url(), options: .init(size: 1, waiting: .seconds(60)))
    for number in 0..<3 {
      let rows = try await pool.run(
        [PostgresStatement("SELECT $1::int4", .int4(Int32(number)))], "ask")
      #expect(try rows[0].integer(0, 0) == Int64(number))
      try await server.stop()
      try await server.start()
    }
    await pool.close()
  }

  @Test func itComesBackWhenTheServerDoes() async throws {
    let server = try TestServer()
    let pool = PostgresPool(server.url(), options: .init(size: 2, waiting: .seconds(60)))
    _ = try await pool.run([PostgresStatement("SELECT 1")], "ask")
    try await server.kill()
    let waiting = Task {
      try await pool.run([PostgresStatement("SELECT 2")], "ask")[0].integer(0, 0)
    }
    try await server.start()
    // What was lost in the kill is told, or the caller has got a new connection.
    do {
      #expect(try await waiting.value == 2)
    } catch let error as PostgresError {
      #expect(error.kind == .lost || error.state?.reaction == .reconnect, "\(error)")
    }
    #expect(try await pool.run([PostgresStatement("SELECT 3")], "ask")[0].integer(0, 0) == 3)
    await pool.close()
  }
}
