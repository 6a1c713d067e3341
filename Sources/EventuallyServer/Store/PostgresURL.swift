/// What is told of a database's URL, wherever it is set.
enum PostgresURL {
  /// Whether a setting is such a URL, and no path.
  static func isOne(_ text: String) -> Bool {
    ["postgres://", "postgresql://"].contains { text.lowercased().hasPrefix($0) }
  }

  /// The URL as it is shown.
  ///
  /// Rather too much is left out than a part of a password shown: one may have the characters that end it, though they should be
  /// escaped.
  static func withoutPasswords(_ url: String) -> String {
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
