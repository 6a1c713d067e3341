public import Eventually
import EventuallyPostgres
package import EventuallySQLite
import Foundation

/// Where read models are kept.
public enum ReadModelLocation: Sendable, Hashable, CustomStringConvertible {
  /// In SQLite's files, in a folder of their own for each read model.
  case folder(String)
  /// In the PostgreSQL database that a URL names.
  case postgres(String)

  /// What a setting says: a URL that begins with `postgres://` or `postgresql://`, or a folder's path.
  public init(_ text: String) {
    self = PostgresURL.isOne(text) ? .postgres(text) : .folder(text)
  }

  /// The database that they are in.
  public var dialect: SQLDialect {
    switch self {
    case .folder: .sqlite
    case .postgres: .postgres
    }
  }

  /// The path, or the URL without its password.
  public var description: String {
    switch self {
    case .folder(let path): path
    case .postgres(let url): PostgresURL.withoutPasswords(url)
    }
  }
}

extension ReadModelDefinition {
  /// The read model's generations and savepoints.
  /// - Parameters:
  ///   - replica: the URL of a standby that queries are answered from; the same database where it is `nil`.
  ///   - state: the folder where processes of this host note what they work on, for read models in a database; those in files
  ///     have it beside them.
  package func catalog(
    in readModels: ReadModelLocation, replica: String? = nil, state: String = ProcessState.folder
  ) -> any ReadModelCatalog {
    switch readModels {
    case .folder(let path): directory(in: path)
    case .postgres(let url):
      PostgresReadModelCatalog(
        OpenedDatabases.shared.database(url, replica: replica), model: model, journals: state)
    }
  }

  /// The read model's own directory in that of all read models.
  package func directory(in readModels: String) -> ReadModelDirectory {
    ReadModelDirectory("\(readModels)/\(name)", model: model)
  }

  /// The read model's live generation: a link.
  package func path(in readModels: String) -> String { directory(in: readModels).livePath }
}

/// What a process keeps on its host for its successors, and what it is called.
package enum ProcessState {
  /// The host and the process id.
  static let name =
    "\(ProcessInfo.processInfo.hostName)-\(ProcessInfo.processInfo.processIdentifier)"

  /// The folder of it where none is named: systemd's of the service, which outlives the process, or the temporary one.
  package static var folder: String {
    let environment = ProcessInfo.processInfo.environment
    // Of several, the first.
    return environment["STATE_DIRECTORY"]?.split(separator: ":").first.map { String($0) }
      ?? FileManager.default.temporaryDirectory.path
  }
}

/// The databases that this process has read models in: all read models of one share its connections.
private final class OpenedDatabases: Sendable {
  static let shared = OpenedDatabases()
  private let databases = Locked<[[String?]: PostgresReadModels]>([:])

  func database(_ url: String, replica: String?) -> PostgresReadModels {
    databases.withLock { databases in
      let database =
        databases[[url, replica]] ?? PostgresReadModels(whenAsked: url, replica: replica)
      databases[[url, replica]] = database
      return database
    }
  }
}
