/// What to do about a connection that could not be made, where libpq's words leave that open. They depend on the language that it
/// speaks, so that this is help where it is English, and nothing else depends on it.
enum ConnectionHint {
  private static let hints: [(words: String, hint: String)] = [
    (
      "certificate verify failed",
      "sslrootcert is to name a file with the certificate of the authority that signed the server's"
    ),
    (
      "does not match host name",
      "connect by the name that the certificate has, or give the server one for this name"
    ),
    (
      "server does not support SSL",
      "set ssl = on at the server, or sslmode=disable where the network can be trusted"
    ),
    (
      "no pg_hba.conf entry",
      "pg_hba.conf at the server is to have a line for this user, database, address and encryption"
    ),
    (
      "password authentication failed",
      "the password is that of the URL, of PGPASSWORD, or of the password file (PGPASSFILE)"
    ),
    ("no password supplied", "PGPASSWORD or the password file (PGPASSFILE) has it"),
    ("authentication failed for user", "pg_hba.conf at the server says how this user may connect"),
    (
      "is not permitted to log in", "name a role that may, or let this one: ALTER ROLE … LOGIN"
    ),
    (
      "permission denied for database", "its owner lets the role in: GRANT CONNECT ON DATABASE …"
    ),
    ("FATAL:  role \"", "create it at the server, or name another one: postgres://ROLE@…"),
    (
      "FATAL:  database \"", "create it at the server, or name another one: postgres://…/DATABASE"
    ),
    ("valid client certificate", "sslcert and sslkey are to name the files of one"),
    (
      "server is in hot standby mode",
      "name the primary, or all servers with commas between them: the primary is looked for"
    ),
    (
      "session is read-only",
      "name the primary, or all servers with commas between them: the primary is looked for"
    ),
  ]

  /// The message, and what to do.
  static func adding(to message: String) -> String {
    guard let found = hints.first(where: { message.contains($0.words) }) else { return message }
    return "\(message): \(found.hint)"
  }
}
