import Eventually

/// What an account's next movement begins with.
struct StatementRow: CodableRow {
  static let table = "statements"
  var account: String
  var cents: Int64 = 0
  /// The number of the account's last movement.
  var last: Int64 = 0
  var key: String { account }
}

/// Something that was paid in, or out: a negative amount.
struct MovementRow: CodableRow {
  static let table = "movements"

  struct Key: Hashable, Codable, Sendable {
    var account: String
    var number: Int64
  }

  var key: Key
  var time: Timestamp
  var cents: Int64
  var balance: Int64
}

/// The movements of each account.
struct Statements: ReadModel {
  let name = "statements"
  let schemaVersion = 1
  let tables: [any ReadModelRow.Type] = [StatementRow.self, MovementRow.self]

  func project(_ event: Persisted<String, Account.Event>, into rows: Rows) throws {
    switch event.event {
    case .opened: try rows.put(StatementRow(account: event.streamID))
    case .deposited(let cents): try add(cents, by: event, rows)
    case .withdrawn(let cents): try add(-cents, by: event, rows)
    case .closed: break
    }
  }

  func forget(_ account: String, in rows: Rows) throws {
    // A projection finds rows by their keys alone.
    guard let last = try rows.row(StatementRow.self, account)?.last else { return }
    for number in 0...last {
      try rows.delete(MovementRow.self, .init(account: account, number: number))
    }
    try rows.delete(StatementRow.self, account)
  }

  private func add(_ cents: Int64, by event: Persisted<String, Account.Event>, _ rows: Rows) throws
  {
    guard var statement = try rows.row(StatementRow.self, event.streamID) else { return }
    statement.cents += cents
    statement.last = Int64(event.version)
    try rows.put(statement)
    try rows.put(
      MovementRow(
        key: .init(account: event.streamID, number: statement.last),
        time: event.time, cents: cents, balance: statement.cents))
  }
}
