/// What a session is prepared with, so that the server gives it up, with all that it holds, when its client has gone without a word.
/// By its own settings that takes the server two hours, and each outage of the network would leave some sessions behind.
enum ClientLoss {
  /// Columns of a `SELECT`. A server without such a setting says so in its log, and goes on.
  static let settings = """
    set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '2', false),
      set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '10s', false)
    """

  static let greet: PostgresPool.Greeting = { connection throws(PostgresError) in
    _ = try await connection.run([PostgresStatement("SELECT \(settings)")], "prepare the session")
  }
}
