/// Where an event store is.
public enum StoreLocation: Sendable, Hashable, CustomStringConvertible {
  /// A file of SQLite's, by its path.
  case file(String)
  /// A PostgreSQL database, by a URL such as `postgres://user@host/database?sslmode=verify-full`. It may have a password.
  case postgres(String)

  /// A URL of PostgreSQL, `postgres://` or `postgresql://`, or else a path.
  public init(_ text: String) {
    self = PostgresURL.isOne(text) ? .postgres(text) : .file(text)
  }

  /// The path, or the URL without passwords.
  public var description: String {
    switch self {
    case .file(let path): path
    case .postgres(let url): PostgresURL.withoutPasswords(url)
    }
  }
}
