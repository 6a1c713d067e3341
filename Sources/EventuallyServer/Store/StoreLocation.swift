/// Where an event store is.
public enum StoreLocation: Sendable, Hashable, CustomStringConvertible {
  /// A file of SQLite's, by its path.
  case file(String)
  /// A PostgreSQL database, by a URL such as `postgres://user@host/database?sslmode=verify-full`. It may have a password.
  case postgres(String)

  private static let schemes = ["postgres://", "postgresql://"]

  /// A URL of PostgreSQL, `postgres://` or `postgresql://`, or else a path.
  public init(_ text: String) {
    let isURL = Self.schemes.contains { text.lowercased().hasPrefix($0) }
    self = isURL ? .postgres(text) : .file(text)
  }

  /// The path, or the URL without passwords.
  public var description: String {
    switch self {
    case .file(let path): path
    case .postgres(let url): Self.redacted(url)
    }
  }

  /// Rather too much is left out than a part of a password shown: one may have the characters that end it, though they should be
  /// escaped.
  private static func redacted(_ url: String) -> String {
    let scheme = url.prefix { $0 != "/" } + "//"
    var rest = url.dropFirst(scheme.count)
    var shown = String(scheme)
    let host = rest.prefix { $0 != "/" }
    if let end = host.lastIndex(of: "@") ?? rest.lastIndex(of: "@"),
      let start = rest[..<end].firstIndex(of: ":")
    {
      shown += rest[...start] + hidden
      rest = rest[end...]
    }
    guard let query = rest.firstIndex(of: "?") else { return shown + rest }
    let parameters = rest[query...].dropFirst().split(
      separator: "&", omittingEmptySubsequences: false
    ).map { parameter in
      let name = parameter.prefix { $0 != "=" }
      let isSecret = PercentEncoding.decode(name)?.lowercased().contains("password") ?? true
      return isSecret ? "\(name)=\(hidden)" : String(parameter)
    }
    return shown + rest[...query] + parameters.joined(separator: "&")
  }

  private static let hidden = "***"
}
