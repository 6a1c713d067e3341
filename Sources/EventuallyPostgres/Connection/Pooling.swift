import Eventually

/// Whether a connection is a session of the server all the time, which settings, prepared statements, `LISTEN` and locks need.
enum Pooling {
  /// Refuses a pooler that gives each transaction another session. One that leaves a client its session does no harm.
  ///
  /// A pooler shows by the process id that it made up. Where nothing else goes on, it then gives the session that one connection has
  /// just used to the other; where much goes on, it gives a connection another session soon. What is not found here fails later, with
  /// statements that are not there.
  static func check(_ parameters: PostgresAddress.Parameters) async throws(PostgresError) {
    do throws(PostgresError) {
      try await lookForSharing(parameters)
    } catch {
      // A statement that was prepared in another session, or by another connection in this one.
      guard error.state == .noSuchStatement || error.state == .statementExists else { throw error }
      throw sharing
    }
  }

  private static let sharing = PostgresError(
    .unreachable, SQLState.sharedSessions, operation: "connect")

  private static func lookForSharing(
    _ parameters: PostgresAddress.Parameters
  ) async throws(PostgresError) {
    try await with(parameters) { first throws(PostgresError) in
      guard try await session(of: first) != first.announcedProcess else { return }
      try await with(parameters) { second throws(PostgresError) in
        for _ in 0..<10 {
          let own = try await session(of: first)
          guard try await session(of: second) != own, try await session(of: first) == own else {
            throw sharing
          }
        }
      }
    }
  }

  private static func session(of connection: PostgresConnection) async throws(PostgresError)
    -> Int64
  {
    try await connection.run([PostgresStatement("SELECT pg_backend_pid()")], "ask for the session")[
      0
    ]
    .integer(0, 0)
  }

  private static func with(
    _ parameters: PostgresAddress.Parameters,
    _ body: (PostgresConnection) async throws(PostgresError) -> Void
  ) async throws(PostgresError) {
    let connection = try await PostgresConnection(parameters)
    do throws(PostgresError) {
      try await body(connection)
      await connection.close()
    } catch {
      await connection.close()
      throw error
    }
  }
}
