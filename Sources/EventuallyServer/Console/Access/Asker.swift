/// Who sends a request, as the console's routes know it.
struct Asker: Sendable {
  /// What the holder of the token is called, where somebody said.
  var name: String?
  /// What they may do, with tokens or without.
  var role = AccessRole.anyone
  /// Where the connection comes from.
  var address = ""
  /// Their session.
  var session: ConsoleSessions.Key?
  /// Whether the request's `Host` is a name of this machine's loopback interface.
  var isLoopback = false
  /// The name of the session's cookie.
  var cookie = SessionCookie.name(authority: nil)
}
