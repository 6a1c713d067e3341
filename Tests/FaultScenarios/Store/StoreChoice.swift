package import EventuallyTesting
import Foundation

/// Where store and read models of a run are.
package enum StoreChoice: Sendable, Hashable {
  /// Files of each scenario's own.
  case files
  /// PostgreSQL: a temporary server of each scenario's own, or a database of its own on the server that a URL names.
  case postgres(server: String?)

  /// What names a server that is there already, by the URL of a database: of a role that may
  /// create databases and roles and end sessions of others.
  package static let variable = "EVENTUALLY_TEST_POSTGRES"

  /// PostgreSQL, on the server that the environment names where it does.
  package static let postgresOfEnvironment = StoreChoice.postgres(
    server: ProcessInfo.processInfo.environment[variable].flatMap { $0.isEmpty ? nil : $0 })

  /// Why nothing can be played there on this machine; `nil` where it can.
  package var obstacle: String? {
    self == .postgres(server: nil) ? PostgresServer.obstacle : nil
  }

  /// The database of one scenario; `nil` for files.
  /// - Parameter place: where a temporary server runs.
  package func makeDatabase(at place: ProcessPlace = .here) async throws -> ScenarioDatabase? {
    switch self {
    case .files: nil
    case .postgres(nil): try await ScenarioDatabase(on: PostgresServer.start(at: place))
    case .postgres(let url?): try await ScenarioDatabase(onServerOf: url)
    }
  }
}

/// What stores a scenario is about.
enum ScenarioStores: Sendable {
  case all
  /// Only files, for a reason.
  case files(String)
  case postgres
  /// A server that can be stopped.
  case postgresServer

  /// Why a scenario that needs these is not played; `nil` where it is.
  func obstacle(on choice: StoreChoice) -> String? {
    switch (self, choice) {
    case (.all, _), (.files, .files), (.postgres, .postgres), (.postgresServer, .postgres(nil)): nil
    case (.files(let reason), .postgres): reason
    case (.postgres, .files), (.postgresServer, .files): "it is about PostgreSQL: see --postgres"
    case (.postgresServer, .postgres):
      "it stops the server, which only a temporary one's own allows: leave \(StoreChoice.variable) out"
    }
  }
}
