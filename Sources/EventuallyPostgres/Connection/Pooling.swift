import Eventually

/// Whether a connection is a session of the server all the time, which settings, prepared statements, `LISTEN` and locks need.
enum Pooling {
  /// Refuses a pooler that gives each transaction another session. One that leaves a client its session does no harm.
  ///
  /// A pooler shows by the process id that it made up. Where nothing else goes on, it then gives the session that one connection has
  /// just used to the other; where much goes on, it gives a connection another session soon. What is not found here fails later, with
  /// statements that are not there.
  /// - Parameters:
  ///   - first: a connection, for this call alone.
  ///   - parameters: how it was made.
  static func check(
    _ first: PostgresConnection, _ parameters: PostgresAddress.Parameters
  ) async throws(PostgresError) {
    do throws(PostgresError) {
      guard try await session(of: first) != first.announcedProcess else { return }
      let second = try await PostgresConnection(parameters)
      do throws(PostgresError) {
        try await compare(first, second)
        await second.close()
      } catch {
        await second.close()
        throw error
      }
    } catch {
      // A statement that was prepared in another session, or by another connection in this one.
      guard error.state == .noSuchStatement || error.state == .statementExists else { throw error }
      throw sharing
    }
  }

  private static func compare(
    _ first: PostgresConnection, _ second: PostgresConnection
  ) async throws(PostgresError) {
    for _ in 0..<10 {
      let own = try await session(of: first)
      guard try await session(of: second) != own, try await session(of: first) == own else {
        throw sharing
      }
    }
  }

  private static let sharing = PostgresError.lasting(SQLState.sharedSessions)

  private static func session(
    of connection: PostgresConnection
  ) async throws(PostgresError) -> Int64 {
    try await connection.run(
      [PostgresStatement("SELECT pg_backend_pid()")], "ask for the session")[0].integer(0, 0)
  }
}
