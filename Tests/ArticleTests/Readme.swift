// snippet.application
import Eventually
import EventuallyCommand
import EventuallyServer
// snippet.end
import Testing

/// The code of README.md.
enum Readme {
  typealias Account = FirstApplication.Account
  typealias Owners = FirstApplication.Owners
  typealias OwnerRow = FirstApplication.OwnerRow
  typealias Open = FirstApplication.Open
  typealias Amount = FirstApplication.Amount

  // snippet.application
  // snippet.text @main
  struct Bank: EventuallyApplication {
    static let name = "bank"
    var components: [any Component] {
      Account()  // commands, events, state
      Owners()  // events to rows
      Commands("accounts", for: Account.self) {
        Command("open", "Open an account") { (body: Open) in .open(owner: body.owner) }
        Command("deposit", "Pay in") { (body: Amount) in .deposit(body.cents) }
      }
      Query("owners/{owner}", of: Owners.self, "An owner") { request, rows in
        try rows.row(OwnerRow.self, request.path("owner"))
      }
    }
  }
  // snippet.end

  @Suite struct ReadmeTests {
    @Test func theApplicationIsWhole() throws {
      _ = try ApplicationModel(Bank())
    }
  }
}
