// snippet.aggregate
import Eventually
// snippet.end
// snippet.application
// snippet.text import Eventually
import EventuallyCommand
import EventuallyServer
// snippet.end
// snippet.test
import EventuallyTesting
import Testing

// snippet.text @testable import bank
// snippet.end

/// The code of the article "Your domain in a quarter of an hour" of EventuallyServer.
enum FirstApplication {
  // snippet.aggregate
  struct Account: Aggregate {
    static let category: StreamCategory = "account"

    enum Event: Codable { case opened(owner: String), deposited(cents: Int), withdrawn(cents: Int) }
    enum Command { case open(owner: String), deposit(Int), withdraw(Int) }
    enum Failure: Error, Equatable {
      case alreadyOpen, notOpen, invalidAmount, notCovered(balance: Int)
    }

    struct State: Codable {
      var owner: String?
      var balance = 0
    }
    var initialState: State { State() }

    func apply(_ event: Event, to state: inout State) {
      switch event {
      case .opened(let owner): state.owner = owner
      case .deposited(let cents): state.balance += cents
      case .withdrawn(let cents): state.balance -= cents
      }
    }

    func handle(_ command: Command, id: String, state: State) throws(Failure) -> [Event] {
      if case .open(let owner) = command {
        guard state.owner == nil else { throw .alreadyOpen }
        return [.opened(owner: owner)]
      }
      guard state.owner != nil else { throw .notOpen }
      switch command {
      case .open: return []
      case .deposit(let cents):
        // What comes from outside has a range: a sum must not overflow.
        guard (1...1_000_000_000).contains(cents), state.balance < 1 << 60 else {
          throw .invalidAmount
        }
        return [.deposited(cents: cents)]
      case .withdraw(let cents):
        guard cents > 0 else { throw .invalidAmount }
        guard cents <= state.balance else { throw .notCovered(balance: state.balance) }
        return [.withdrawn(cents: cents)]
      }
    }
  }
  // snippet.end

  // snippet.row
  struct OwnerRow: CodableRow {
    static let table = "owners"
    var owner: String
    var accounts = 0
    var cents: Int64 = 0
    var key: String { owner }
  }
  // snippet.end

  // snippet.readModel
  struct AccountRow: CodableRow {
    static let table = "accounts"
    static let indexes = [["owner"]]
    var id: String
    var owner: String
    var cents: Int64 = 0
    var key: String { id }
  }

  struct Owners: CompositeReadModel {
    let name = "owners"
    let schemaVersion = 1
    let tables: [any ReadModelRow.Type] = [OwnerRow.self, AccountRow.self]

    var projections: [On] {
      On(Account.self) { account, rows in
        switch account.event {
        case .opened(let owner):
          try rows.put(AccountRow(id: account.streamID, owner: owner))
          try rows.update(OwnerRow.self, owner) { row in
            var next = row ?? OwnerRow(owner: owner)
            next.accounts += 1
            row = next
          }
        case .deposited(let cents): try add(Int64(cents), to: account.streamID, rows)
        case .withdrawn(let cents): try add(-Int64(cents), to: account.streamID, rows)
        }
      } forget: { id, rows in
        guard let account = try rows.row(AccountRow.self, id) else { return }
        try rows.update(OwnerRow.self, account.owner) { row in
          row?.accounts -= 1
          row?.cents -= account.cents
          if row?.accounts == 0 { row = nil }
        }
        try rows.delete(AccountRow.self, id)
      }
    }

    private func add(_ cents: Int64, to id: String, _ rows: Rows) throws {
      guard let owner = try rows.row(AccountRow.self, id)?.owner else { return }
      try rows.update(AccountRow.self, id) { $0?.cents += cents }
      try rows.update(OwnerRow.self, owner) { $0?.cents += cents }
    }
  }
  // snippet.end

  // snippet.application
  struct Open: Codable { var owner: String }
  struct Amount: Codable { var cents: Int }

  // snippet.text @main
  struct Bank: EventuallyApplication {
    static let name = "bank"

    var components: [any Component] {
      Account()
      Owners()
      Commands("accounts", for: Account.self) {
        Command("open", "Open an account") { (body: Open) in .open(owner: body.owner) }
        Command("deposit", "Pay in") { (body: Amount) in .deposit(body.cents) }
        Command("withdraw", "Pay out") { (body: Amount) in .withdraw(body.cents) }
      }
      Query("owners", of: Owners.self, "The richest owners", parameters: .page) { request, rows in
        try request.page(of: OwnerRow.self, in: rows, orderedBy: [.descending("cents")])
      }
      Query("owners/{owner}", of: Owners.self, "An owner") { request, rows in
        try rows.row(OwnerRow.self, request.path("owner"))
      }
      Query("owners/{owner}/accounts", of: Owners.self, "An owner's accounts") { request, rows in
        try rows.rows(AccountRow.self, where: [.equals("owner", request.path("owner"))])
      }
    }
  }
  // snippet.end

  @Suite struct FirstApplicationTests {
    // snippet.test
    @Test func whatIsNotCoveredIsNotPaidOut() async throws {
      try await AggregateScenario(Account())
        .given(.opened(owner: "eve"), .deposited(cents: 5))
        .when(.withdraw(6)).thenRefused { $0 == .notCovered(balance: 5) }
    }

    @Test func anOwnersAccountsAreSummed() throws {
      let scenario = try CompositeScenario(Owners())
        .given(Account.self, "a1", .opened(owner: "eve"), .deposited(cents: 5))
        .given(Account.self, "a2", .opened(owner: "eve"), .deposited(cents: 3))
      let eve = try scenario.query { rows in try rows.row(OwnerRow.self, "eve") }
      #expect(eve?.accounts == 2 && eve?.cents == 8)
    }
    // snippet.end
  }
}
