import Eventually
import EventuallyServer
import HTTPTypes

/// The code of the article "Commands and queries" of EventuallyServer: the bank of "Your domain in a quarter of an hour", with routes
/// by hand.
extension FirstApplication {
  struct BankByHand: EventuallyApplication {
    static let name = "bank"

    var components: [any Component] {
      Account()
      Customer()
      Owners()
      Commands("accounts", for: Account.self) {
        Command("open", "Open an account") { (body: Open) in .open(owner: body.owner) }
        Command("deposit", "Pay in") { (body: Amount) in .deposit(body.cents) }
      }
      Commands("customers", for: Customer.self) {
        Command("register", "Register a customer", .register)
      }
      // snippet.consult
      WriterRoutes { writer in
        try API.Operation(
          .post, "/accounts/{id}/open", "Open an account of a customer",
          parameters: .command, body: Schema(of: Open.self), answers: .command
        ) { request in
          let owner = try request.decode(Open.self).owner
          guard try await writer.repository(of: Customer.self).get(owner).version > 0 else {
            throw RequestError(.conflict, code: "no-customer", "there is no customer '\(owner)'")
          }
          return try await writer.execute(
            Account.self, [.open(owner: owner)], on: request.id(), for: request)
        }
      }
      // snippet.end
      // snippet.routes
      WriterRoutes { writer in
        API.Operation(
          .post, "/accounts/{id}/pay-out", "Pay out what is above an amount",
          parameters: [.id()],
          body: .object([.required("cents", .integer(0...1_000_000_000))]),
          answers: [
            API.Response(200, "What was paid out", .object([.required("cents", .integer())])),
            API.Response(409, "There is nothing to pay out, or the account has changed meanwhile"),
          ]
        ) { request in
          let id = try request.id()
          let kept = try request.decode(Amount.self).cents
          let accounts = try writer.repository(of: Account.self)
          let account = try await accounts.get(id)
          try request.checkConditions(at: account.version)
          guard kept >= 0, account.state.balance > kept else {
            throw RequestError(.conflict, code: "nothing-above", "there is nothing to pay out")
          }
          let cents = account.state.balance - kept
          _ = try await accounts.execute([.withdraw(cents)], on: id, expecting: account.version)
          return JSONResponse { json in
            json.beginObject()
            json.key("cents")
            json.integer(cents)
            json.endObject()
          }
        }
      }
      Query(
        "totals", of: Owners.self, "All owners together",
        answers: [API.Response(200, "The sum", .object([.required("cents", .integer())]))]
      ) { request, reader in
        let sum = try await reader.read {
          try $0.integer("SELECT CAST(sum(cents) AS bigint) FROM owners")
        }
        return try JSONResponse(encoding: ["cents": sum ?? 0])
      }
      // snippet.end
    }
  }

  @ComponentBuilder static var withExamples: [any Component] {
    // snippet.examples
    Commands("accounts", for: Account.self) {
      Command("open", "Open an account") { (body: Open) in .open(owner: body.owner) }
        .example(["owner": "eve"])
      Command("withdraw", "Pay out") { (body: Amount) in .withdraw(body.cents) }
        .example(["cents": 250])
        .refusing(.notOpen, .notCovered(balance: 200))
    }
    .example(.opened(owner: "eve"), .deposited(cents: 450))
    Query("owners/{owner}", of: Owners.self, "An owner") { request, rows in
      try rows.row(OwnerRow.self, request.path("owner"))
    }
    .example(["owner": "eve", "accounts": 1, "cents": 450])
    .operationID("getOwner")
    // snippet.end
  }

  struct Customer: Aggregate {
    static let category: StreamCategory = "customer"
    enum Event: Codable { case registered }
    enum Command { case register }
    enum Failure: Error {}
    var initialState: Bool { false }
    func apply(_ event: Event, to state: inout Bool) { state = true }
    func handle(_ command: Command, id: String, state: Bool) -> [Event] { [.registered] }
  }

  static func gift(_ accounts: any AggregateRepository<Account>) -> API.Operation {
    // snippet.key
    API.Operation(
      .post, "/accounts/{id}/gift", "Give a cent, once for each key",
      parameters: [.path("id", "The account", .string(minimum: 1)), .idempotencyKey],
      answers: [API.Response(200, "Given", .object([.required("version", .integer())]))]
    ) { request in
      guard let key = try request.idempotencyKey() else {
        throw RequestError(.badRequest, "a gift needs the header 'Idempotency-Key'")
      }
      let result = try await accounts.execute(
        [.deposit(1)], on: request.path("id"), idempotencyKey: key)
      return try JSONResponse(encoding: ["version": result.version])
    }
    // snippet.end
  }

  enum Refusals {
    // snippet.refusal
    enum Failure: CommandRefusal {
      case alreadyOpen, notOpen, notCovered(balance: Int)

      var status: HTTPStatus { if case .notOpen = self { .notFound } else { .conflict } }

      var message: String {
        switch self {
        case .alreadyOpen: "the account is open already"
        case .notOpen: "the account is not open"
        case .notCovered(let balance): "there are only \(balance) cents"
        }
      }
    }
    // snippet.end
  }

  enum Indexed {
    // snippet.index
    struct AccountRow: CodableRow {
      static let table = "accounts"
      static let indexes = [["owner"]]
      var id: String
      var owner: String
      var key: String { id }
    }
    // snippet.end
  }
}
