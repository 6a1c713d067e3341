import Eventually

/// A customer with the sum of the open accounts.
struct CustomerRow: CodableRow {
  static let table = "customers"
  var id: String
  /// `nil` where the customer is not registered, yet or any more.
  var name: String?
  var accounts = 0
  var cents: Int64 = 0
  var key: String { id }
}

struct AccountRow: CodableRow {
  static let table = "accounts"
  static let indexes = [["customer"]]
  var id: String
  var customer: String
  var cents: Int64 = 0
  var isClosed = false
  var key: String { id }
}

/// Customers and their accounts.
///
/// Events of a customer and of the customer's accounts come in any order. So a customer's row is there as long as
/// there is something to say in it, whichever event came first.
struct Customers: CompositeReadModel {
  let name = "customers"
  let schemaVersion = 1
  let tables: [any ReadModelRow.Type] = [CustomerRow.self, AccountRow.self]

  var projections: [On] {
    On(Customer.self) { customer, rows in
      switch customer.event {
      case .registered(let name), .renamed(let name):
        try change(customer.streamID, rows) { $0.name = name }
      }
    } forget: { id, rows in
      try change(id, rows) { $0.name = nil }
    }

    On(Account.self) { account, rows in
      let id = account.streamID
      switch account.event {
      case .opened(let customer):
        try rows.put(AccountRow(id: id, customer: customer))
        try change(customer, rows) { $0.accounts += 1 }
      case .deposited(let cents): try add(cents, to: id, rows)
      case .withdrawn(let cents): try add(-cents, to: id, rows)
      case .closed:
        guard let account = try rows.row(AccountRow.self, id) else { return }
        try rows.update(AccountRow.self, id) { $0?.isClosed = true }
        try change(account.customer, rows) { $0.accounts -= 1 }
      }
    } forget: { id, rows in
      guard let account = try rows.row(AccountRow.self, id) else { return }
      try rows.delete(AccountRow.self, id)
      try change(account.customer, rows) { row in
        row.accounts -= account.isClosed ? 0 : 1
        row.cents -= account.cents
      }
    }
  }

  private func add(_ cents: Int64, to id: String, _ rows: Rows) throws {
    guard let customer = try rows.row(AccountRow.self, id)?.customer else { return }
    try rows.update(AccountRow.self, id) { $0?.cents += cents }
    try change(customer, rows) { $0.cents += cents }
  }

  private func change(_ customer: String, _ rows: Rows, _ body: (inout CustomerRow) -> Void) throws
  {
    try rows.update(CustomerRow.self, customer) { row in
      let empty = CustomerRow(id: customer)
      var next = row ?? empty
      body(&next)
      row = next == empty ? nil : next
    }
  }
}
