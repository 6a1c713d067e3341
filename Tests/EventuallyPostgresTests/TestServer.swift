import EventuallyTesting
import Synchronization

@testable import EventuallyPostgres

/// A PostgreSQL server of the tests' own.
final class TestServer: Sendable {
  /// For tests that leave the server as it is. Each makes a database of its own.
  static let shared = Result { try TestServer() }

  private let server: PostgresServer
  private let databases = Atomic(0)

  init() throws {
    server = try PostgresServer()
  }

  /// The address of a database.
  func url(_ database: String = "postgres") -> String { server.url(database) }

  /// Makes an empty database.
  func makeDatabase() async throws -> String {
    let name = "test\(databases.add(1, ordering: .relaxed).newValue)"
    let connection = try await PostgresConnection(url())
    _ = try await connection.run([PostgresStatement("CREATE DATABASE \(name)")], "create")
    await connection.close()
    return url(name)
  }

  /// Ends the server and all its processes at once, which loses what they have not written (`pg_ctl stop -m immediate`).
  func kill() async throws { try await server.kill() }
  /// Stops the server, which ends all connections.
  func stop() async throws { try await server.stop() }
  /// Starts the server that was stopped.
  func start() async throws { try await server.start() }
}
