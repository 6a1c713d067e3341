import Eventually

/// Goes over a store's idempotency keys again and again, and deletes those that are too old: with appends that keep keys, a few others
/// are looked at, so there are never many.
struct KeySweep {
  /// Where it is.
  private var last: (stream: Int64, key: [UInt8]) = (.min, [])

  /// - Returns: what is to be sent with some transactions; `nil` where they keep no keys.
  func statement(
    after transactions: [StoreTransaction], olderThan lifetime: Duration, at time: Timestamp
  ) -> PostgresStatement? {
    let keys = transactions.reduce(0) { count, transaction in
      guard case .appends(let appends) = transaction.kind else { return count }
      return count + appends.count { $0.key != nil }
    }
    guard keys > 0 else { return nil }
    let age = lifetime.components.seconds.multipliedReportingOverflow(by: 1_000_000)
    let limit = time.microseconds.subtractingReportingOverflow(
      age.overflow ? .max : age.partialValue)
    return PostgresStatement(
      "SELECT stream, key FROM sweep_keys($1, $2, $3, $4)", .int8(last.stream),
      .bytes(last.key), .int4(Int32(clamping: keys * 4)),
      .timestamp(Timestamp(microseconds: limit.overflow ? .min : limit.partialValue)))
  }

  /// Where it failed, the next one begins at the same place; at the end, from the beginning.
  mutating func answered(_ answer: Result<[PostgresRows], PostgresError>?) {
    guard let rows = try? answer?.get().first else { return }
    guard rows.count > 0, let stream = try? rows.integer(0, 0), let key = try? rows.bytes(0, 1)
    else {
      last = (.min, [])
      return
    }
    last = (stream, key)
  }
}
