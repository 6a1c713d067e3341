import Eventually
import HTTPTypes
import Testing

@testable import EventuallyServer

/// Routes by hand that do what generated ones do, and which of several commands is refused.
@Suite struct ByHandTests {
  private struct Guarded: EventuallyApplication {
    static let name = "guarded"
    var components: [any Component] {
      Account()
      Customer()
      Commands("accounts", for: Account.self) {
        Command("open") { (body: Opening) in .open(owner: body.owner) }
        Command("payIn") { (body: Amount) in
          guard body.cents != 13 else { throw RequestError(.unprocessableContent, "not 13") }
          guard body.cents != 14 else { throw InvalidMember("cents", "must not be 14") }
          return .deposit(body.cents)
        }
        Command("close", .close)
      }
      Commands("customers", for: Customer.self) {
        Command("register") { (body: Registration) in .register(name: body.name) }
      }
      WriterRoutes { writer in
        try API.Operation(
          .post, "/accounts/{id}/open", "Open a customer's account",
          parameters: .command, body: Schema(of: Opening.self), answers: .command
        ) { request in
          let owner = try request.decode(Opening.self).owner
          guard try await writer.repository(of: Customer.self).get(owner).version > 0 else {
            throw RequestError(.conflict, code: "no-customer", "there is no customer '\(owner)'")
          }
          return try await writer.execute(
            Account.self, [.open(owner: owner)], on: request.id(), for: request)
        }
      }
    }
  }

  private struct WithoutAccounts: EventuallyApplication {
    static let name = "without"
    var components: [any Component] { Customer() }
  }

  @Test func aRouteAsksAnotherAggregateAndAnswersAsAGeneratedOne() async throws {
    let bank = try await TestWriter(Guarded())
    let nobody = try await bank.post("/accounts/a/open", #"{"owner":"eve"}"#)
    #expect(nobody.status == 409 && nobody.body.contains("no-customer"), "\(nobody)")
    let registered = try await bank.post("/customers/eve/register", #"{"name":"Eve"}"#)
    #expect(registered.status == 200, "\(registered)")
    let answer = await bank.api.answer(
      APIRequest(.post, "/accounts/a/open", body: Array(#"{"owner":"eve"}"#.utf8)))
    let body = String(decoding: try await answer.wholeBody(), as: UTF8.self)
    #expect(answer.status == .ok && body.contains(#""id":"a","version":1,"#), "\(body)")
    let token = try #require(ConsistencyToken.header.flatMap { answer.headers[$0] })
    #expect(body.contains("\"token\":\"\(token)\""), "\(body) \(token)")
    let again = try await bank.post("/accounts/a/open", #"{"owner":"eve"}"#)
    #expect(again.status == 409 && again.body.contains("already-open"), "\(again)")
    let bad = try await bank.post("/accounts/a%20b/open", #"{"owner":"eve"}"#)
    #expect(bad.status == 422 && bad.body.contains("can't be an id"), "\(bad)")
  }

  @Test func anAggregateThatIsNoneOfTheApplicationsIsTold() async throws {
    let writer = try await TestWriter(WithoutAccounts()).writer
    let error = try #require(throws: ApplicationError.self) {
      try writer.repository(of: Account.self)
    }
    #expect(error.description.contains("Account is not among"), "\(error)")
  }

  @Test func aRefusalNamesTheCommand() async throws {
    let bank = try await TestWriter(Guarded())
    for (commands, status, words) in [
      (#"{"open":{"owner":"eve"}},{"open":{"owner":"bob"}}"#, 409, #""detail":"commands[1]: "#),
      (#"{"close":{}}"#, 409, #""detail":"commands[0]: "#),
      (#"{"close":{}},{"payIn":{"cents":13}}"#, 422, "commands[1].payIn: not 13"),
      (#"{"close":{}},{"payIn":{"cents":14}}"#, 422, "'commands[1].payIn.cents' must not be 14"),
      (#"{"close":{}},{"close":7}"#, 422, "'commands[1].close' is not what it has to be"),
      (#"{"close":{}},{}"#, 422, "'commands[1]' is an empty object"),
      (#"{"close":{}},{"shut":{}}"#, 422, "'commands[1]' is 'shut', none of open"),
      (#"{"close":{}},{"close":{},"open":{}}"#, 422, "'commands[1]' is an object with two"),
    ] {
      let answer = try await bank.post("/accounts/a/commands", "{\"commands\":[\(commands)]}")
      #expect(
        answer.status == status && answer.body.contains(words), "\(commands): \(answer)")
    }
    let single = try await bank.post("/accounts/a/close")
    #expect(single.status == 409 && !single.body.contains("commands["), "\(single)")
  }
}
