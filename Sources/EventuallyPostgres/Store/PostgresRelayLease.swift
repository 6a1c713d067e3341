import Eventually

/// The lease of a store's relay, in the row `relay`, by the server's clock.
///
/// It has a connection of its own: a renewal waits for nothing.
final class PostgresRelayLease: RelayLeaseStore {
  private let pool: PostgresPool
  private let schema: String
  /// What other processes are told of who publishes.
  private let holder: String

  init(
    parameters: PostgresAddress.Parameters, schema: String, holder: String, server: StoreServer
  ) {
    var options = PostgresPool.Options(name: "store.lease", size: 1)
    // A lease is a few seconds long: what takes longer than a part of that has failed.
    options.waiting = .milliseconds(2500)
    options.longestPause = .milliseconds(500)
    options.limits.exchange = .seconds(1)
    options.limits.stopping = .milliseconds(200)
    options.limits.connecting = .seconds(2)
    pool = PostgresPool(
      parameters, options: options,
      greet: StoreSession.greet(schema: schema, statementTimeout: 1000, server: server))
    self.schema = schema
    self.holder = holder
  }

  func claimRelay(for length: Duration) async throws -> RelayClaim {
    let rows = try await pool.run(
      [
        PostgresStatement(
          "SELECT epoch FROM claim_relay($1, $2)", .text(holder), .interval(length)),
        PostgresStatement("SELECT epoch, coalesce(holder, 'nobody') FROM relay"),
      ], "claim the relay's lease")
    if rows[0].count > 0 { return .granted(epoch: try rows[0].unsigned(0, 0)) }
    return .held(RelayHolder(name: try rows[1].text(0, 1), epoch: try rows[1].unsigned(0, 0)))
  }

  func renewRelay(_ epoch: UInt64, for length: Duration) async throws -> Bool {
    try await pool.run(
      [PostgresStatement("SELECT renew_relay($1, $2)", .position(epoch), .interval(length))],
      "renew the relay's lease")[0].bool(0, 0)
  }

  /// Those who wait are told.
  func releaseRelay(_ epoch: UInt64) async {
    // Where it fails, the lease ends by itself.
    _ = try? await pool.run(
      [
        PostgresStatement("SELECT release_relay($1)", .position(epoch)),
        PostgresStatement("SELECT pg_notify($1, 'released')", .text(schema)),
      ], "release the relay's lease")
  }

  func close() async { await pool.close() }
}
