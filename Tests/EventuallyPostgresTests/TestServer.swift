import EventuallyTesting
import Synchronization

@testable import EventuallyPostgres

/// A PostgreSQL server of the tests' own.
final class TestServer: Sendable {
  /// For tests that leave the server as it is. Each makes a database of its own.
  static let shared = Result { try TestServer() }

  let server: PostgresServer
  private let databases = Atomic(0)

  init() throws {
    server = try PostgresServer()
  }

  private init(_ server: PostgresServer) { self.server = server }

  /// A standby that follows this server.
  func makeStandby(_ settings: String...) async throws -> TestServer {
    let copy = try await PostgresServer.copy(of: server)
    try copy.standBy(behind: server)
    try copy.append(settings, to: "postgresql.conf")
    try await copy.start()
    return TestServer(copy)
  }

  /// The address of the database of several servers.
  func url(or others: TestServer..., database: String = "postgres") -> String {
    let hosts = ([self] + others).map { "127.0.0.1:\($0.server.port)" }
    return "postgres://postgres@\(hosts.joined(separator: ","))/\(database)"
  }

  /// Runs statements, each by itself.
  func run(_ statements: String...) async throws {
    let connection = try await PostgresConnection(url())
    for statement in statements {
      _ = try await connection.run([PostgresStatement(statement)], "test")
    }
    await connection.close()
  }

  /// What a statement returns: a number.
  func number(_ statement: String) async throws -> Int64 {
    let connection = try await PostgresConnection(url())
    defer { Task { await connection.close() } }
    return try await connection.run([PostgresStatement(statement)], "test")[0].integer(0, 0)
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
