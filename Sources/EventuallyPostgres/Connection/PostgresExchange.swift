import Eventually

/// What is sent together on a connection, and what has been answered of it so far.
struct PostgresExchange {
  var transactions: [[PostgresStatement]]
  var operation: String
  var rows: [PostgresRows] = []
  var results: [Result<[PostgresRows], PostgresError>] = []
  let start = ContinuousClock.now
  var completion: CheckedContinuation<[Result<[PostgresRows], PostgresError>], Never>

  /// The first of its errors, as metrics have it.
  var errorType: String? {
    for case .failure(let error) in results { return error.type }
    return nil
  }

  mutating func ended(_ error: PostgresError?) {
    results.append(error.map { .failure($0) } ?? .success(rows))
    rows.removeAll()
  }
}
