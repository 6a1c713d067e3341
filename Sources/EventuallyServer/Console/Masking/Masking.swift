import Eventually

/// What readers without the administrative role do not see.
struct Masking: Sendable {
  init(_ options: ConsoleOptions) {}

  /// Whether a request's asker sees everything.
  static func isAdministrator(_ request: APIRequest) -> Bool { request.asker.role >= .administer }
}
