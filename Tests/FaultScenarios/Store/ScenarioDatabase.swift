import EventuallyTesting
import Foundation

/// The PostgreSQL database of one scenario, and the role that owns it and may do nothing else.
package final class ScenarioDatabase: Sendable {
  /// The database, as the processes of the scenario reach it.
  package let url: String
  /// The scenario's own server; `nil` where it is somebody else's.
  package let server: PostgresServer?
  /// A database that it is made and dropped from, and the database itself, for the administrator.
  private let base: String
  private let administration: String
  private let name = "eventually_\(UUID().uuidString.lowercased().replacing("-", with: ""))"

  convenience init(on server: PostgresServer) async throws {
    try await self.init(server: server, base: server.url())
  }

  convenience init(onServerOf url: String) async throws {
    try await self.init(server: nil, base: url)
  }

  private init(server: PostgresServer?, base: String) async throws {
    guard var components = URLComponents(string: base) else {
      throw ScenarioFailure("\(StoreChoice.variable) is no URL")
    }
    components.path = "/\(name)"
    let administration = components.string
    (components.user, components.password) = (name, name)
    guard let administration, let url = components.string else {
      throw ScenarioFailure("there is no URL of \(name)")
    }
    self.url = url
    self.server = server
    self.base = base
    self.administration = administration
    _ = try await Self.run("CREATE ROLE \(name) LOGIN PASSWORD '\(name)'", on: base)
    _ = try await Self.run(
      "CREATE DATABASE \(name) OWNER \(name) TEMPLATE template0 ENCODING 'UTF8'", on: base)
  }

  /// Allows the processes so many connections, those that they have included; any number where it is `nil`.
  func limitConnections(to count: Int?) async throws {
    _ = try await run("ALTER ROLE \(name) CONNECTION LIMIT \(count ?? -1)")
  }

  /// Lets new sessions read only, or write again.
  func setReadOnly(_ isReadOnly: Bool) async throws {
    _ = try await Self.run(
      "ALTER DATABASE \(name) SET default_transaction_read_only = \(isReadOnly ? "on" : "off")",
      on: base)
  }

  /// Moves the database, which nobody uses, into a folder of the server's user.
  func move(to folder: String) async throws {
    _ = try await Self.run("CREATE TABLESPACE small LOCATION '\(folder)'", on: base)
    _ = try await Self.run("ALTER DATABASE \(name) SET TABLESPACE small", on: base)
  }

  /// Ends some sessions of the database, whatever they are doing.
  /// - Returns: how many were there to be ended.
  @discardableResult
  func terminateSessions(atMost count: Int = 1000) async throws -> Int {
    let ended = try await run(
      """
      SELECT count(pg_terminate_backend(pid)) FROM (
        SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
        ORDER BY random() LIMIT \(count)) AS sessions
      """)
    return Int(ended) ?? 0
  }

  /// Runs a statement, as the administrator.
  /// - Returns: its rows, without anything around them.
  package func run(_ statement: String) async throws -> String {
    try await Self.run(statement, on: administration)
  }

  private static func run(_ statement: String, on url: String) async throws -> String {
    let log = FileManager.default.temporaryDirectory.appending(
      path: "eventually-psql-\(UUID().uuidString).log"
    ).path
    defer { try? FileManager.default.removeItem(atPath: log) }
    let process = try await RunningProcess.start(
      "/usr/bin/env",
      ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, url],
      log: log)
    guard try await process.exitCode(within: .seconds(60)) == 0 else {
      throw ScenarioFailure("psql: \(process.log)")
    }
    return process.log.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Leaves nothing behind on somebody else's server; the scenario's own ends by itself.
  package func close() async throws {
    guard server == nil else { return }
    _ = try await Self.run("DROP DATABASE \(name) WITH (FORCE)", on: base)
    _ = try await Self.run("DROP ROLE \(name)", on: base)
  }
}
