import Eventually
import EventuallyCommand
import EventuallyServer

@main struct Bank: EventuallyApplication {
  static let name = "bank"

  var components: [any Component] {
    Customer()
    Account()
    Customers()
    Statements()

    Commands("customers", for: Customer.self) {
      Command("register", "Register a customer") { (body: Name) in .register(name: body.name) }
        .example(["name": "Eve"])
      Command("rename", "Change a customer's name") { (body: Name) in .rename(name: body.name) }
        .example(["name": "Evelyn"])
    }
    .example(.registered(name: "Eve"))
    Commands("accounts", for: Account.self) {
      Command("open", "Open an account of a customer") { (body: Open) in
        .open(customer: body.customer)
      }
      .example(["customer": "eve"]).refusing(.alreadyOpened, .customerMissing)
      Command("deposit", "Pay in") { (body: Amount) in .deposit(cents: body.cents) }
        .example(["cents": 1250]).refusing(.notOpened, .closed, .full, .amountOutOfRange)
      Command("withdraw", "Pay out what is covered") { (body: Amount) in
        .withdraw(cents: body.cents)
      }
      .example(["cents": 250])
      .refusing(.notOpened, .closed, .notCovered(balance: 200), .amountOutOfRange)
      Command("close", "Close an empty account", .close)
        .refusing(.notOpened, .closed, .notEmpty(balance: 200))
    }
    .example(.opened(customer: "eve"), .deposited(cents: 1250))

    Query("customers", of: Customers.self, "The richest customers", parameters: .page) {
      request, rows in
      try request.page(of: CustomerRow.self, in: rows, orderedBy: [.descending("cents")])
    }
    Query("customers/{customer}", of: Customers.self, "A customer") { request, rows in
      try rows.row(CustomerRow.self, request.path("customer"))
    }
    Query("customers/{customer}/accounts", of: Customers.self, "A customer's accounts") {
      request, rows in
      try rows.rows(AccountRow.self, where: [.equals("customer", request.path("customer"))])
    }
    Query("accounts/{account}", of: Customers.self, "An account") { request, rows in
      try rows.row(AccountRow.self, request.path("account"))
    }
    Query(
      "accounts/{account}/movements", of: Statements.self, "An account's last movements",
      parameters: .page
    ) {
      request, rows -> Page<Movement>? in
      let account = try request.path("account")
      guard try rows.row(StatementRow.self, account) != nil else { return nil }
      let page = try request.page(
        of: MovementRow.self, in: rows, where: [.equals("account", account)],
        orderedBy: [.descending("number")])
      return Page(page.rows.map(Movement.init), next: page.next)
    }
  }
}
