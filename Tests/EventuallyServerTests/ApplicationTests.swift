import Eventually
import EventuallySQLite
import Foundation
import HTTPTypes
import Testing

@testable import EventuallyServer

/// What commands and queries of an application do, asked without a network.
@Suite struct ApplicationTests {
  @Test func commandsFollowFromTheAggregatesAndTheirBodies() async throws {
    let bank = try await TestWriter(Bank())
    let opened = try await bank.post("/accounts/a/open", #"{"owner":"eve"}"#)
    #expect(opened.status == 200, "\(opened)")
    #expect(opened.body.contains(#""id":"a","version":1"#), "\(opened)")
    #expect(try await bank.post("/accounts/a/pay-in", #"{"cents":5}"#).status == 200)
    let state = try await bank.send(.get, "/accounts/a")
    #expect(state.body.contains(#""state":{"cents":5,"owner":"eve"}"#), "\(state)")
    let history = try await bank.send(.get, "/accounts/a/history")
    #expect(history.body.contains(#""stream":"account/a""#), "\(history)")
    #expect(history.body.contains(#""type":"deposited""#), "\(history)")
  }

  @Test func refusalsNameTheirReason() async throws {
    let bank = try await TestWriter(Bank())
    for (path, json, status, words) in [
      ("/accounts/a/pay-in", #"{"cents":5}"#, 409, #""code":"not-open""#),
      ("/accounts/a/open", "{}", 422, "'owner' is missing"),
      ("/accounts/a/open", #"{"owner":7}"#, 422, "'owner' must be a string"),
      ("/accounts/a/open", #"{"owner":null}"#, 422, "'owner' must"),
      ("/accounts/a/open", #"["eve"]"#, 422, "'body' must be an object"),
      ("/accounts/a/pay-in", #"{"cents":5.5}"#, 422, "'cents' must be a whole number from"),
      ("/accounts/a/pay-in", #"{"cents":1e400}"#, 422, "'cents' must be a whole number from"),
      ("/accounts/a/pay-in", #"{"cents":99999999999999999999}"#, 422, "'cents' must be a whole"),
      ("/accounts/a/pay-in", #"{"cents":"5"}"#, 422, "'cents' must be a whole number from"),
      (
        "/accounts/a/commands", #"{"commands":[{"close":{}},{"payIn":{"cent":1}}]}"#, 422,
        "'commands[1].payIn.cents' is missing"
      ),
      ("/accounts/a/open", #"{"owner":"#, 400, "invalid-json"),
      ("/accounts/a/open", "", 400, "invalid-json"),
      ("/accounts/a%20b/open", #"{"owner":"eve"}"#, 422, "can't be an id"),
      ("/accounts/a/shut", "{}", 404, "not-found"),
      ("/accounts/a/commands", #"{"commands":[{"shut":{}}]}"#, 422, "none of open, payIn, close"),
      ("/accounts/a/commands", #"{"commands":[]}"#, 422, "missing or empty"),
    ] {
      let answer = try await bank.post(path, json)
      #expect(answer.status == status && answer.body.contains(words), "\(path) \(json): \(answer)")
    }
    #expect(try await bank.send(.get, "/accounts/a").status == 404)
    #expect(try await bank.send(.get, "/accounts/a/history").status == 404)
    #expect(bank.writer.store.head.position == 0, "a refused command appended something")
  }

  @Test func severalCommandsAreOneAppend() async throws {
    let bank = try await TestWriter(Bank())
    let all = #"{"commands":[{"open":{"owner":"eve"}},{"payIn":{"cents":5}}]}"#
    let first = try await bank.post("/accounts/a/commands", all)
    #expect(first.status == 200 && first.body.contains(#""version":2"#), "\(first)")
    let refused = try await bank.post(
      "/accounts/a/commands", #"{"commands":[{"payIn":{"cents":1}},{"close":{}}]}"#)
    #expect(refused.status == 409 && refused.body.contains("not-empty"), "\(refused)")
    #expect(bank.writer.store.head.position == 2, "a part of a refused append is there")
  }

  @Test func aggregatesWithEqualIDsDoNotCollide() async throws {
    let bank = try await TestWriter(Bank())
    #expect(try await bank.post("/customers/eve/register", #"{"name":"Eve"}"#).status == 200)
    #expect(try await bank.post("/accounts/eve/open", #"{"owner":"eve"}"#).status == 200)
    #expect(try await bank.post("/accounts/eve/pay-in", #"{"cents":3}"#).status == 200)
    #expect(try await bank.send(.delete, "/customers/eve").status == 200)
    #expect(try await bank.send(.get, "/customers/eve").status == 404)
    let account = try await bank.send(.get, "/accounts/eve")
    #expect(account.body.contains(#""version":2"#), "\(account)")
    let removal = try await bank.send(.get, "/customers/eve/removal")
    #expect(removal.status == 200 && removal.body.contains(#""removed":true"#), "\(removal)")
  }

  @Test func aReadModelOfTwoAggregatesAnswersQueries() async throws {
    let bank = try await TestWriter(Bank())
    #expect(try await bank.post("/customers/eve/register", #"{"name":"Eve"}"#).status == 200)
    #expect(try await bank.post("/accounts/eve/open", #"{"owner":"eve"}"#).status == 200)
    #expect(try await bank.post("/accounts/eve/pay-in", #"{"cents":3}"#).status == 200)
    #expect(try await bank.post("/accounts/bob/open", #"{"owner":"bob"}"#).status == 200)
    #expect(try await bank.post("/accounts/bob/pay-in", #"{"cents":9}"#).status == 200)
    let application = try ApplicationModel(Bank())
    let directory = "\(bank.folder)/read-models"
    let server = try QueryServer(application, directory: directory)
    let early = await server.api.answer(APIRequest(.get, "/owners/eve"))
    #expect(early.status.code == 503, "\(early)")
    func readiness() async throws -> (Int, String) {
      let answer = await server.api.answer(APIRequest(.get, "/readyz"))
      return (answer.status.code, String(decoding: try await answer.wholeBody(), as: UTF8.self))
    }
    let unready = try await readiness()
    #expect(unready.0 == 503, "\(unready)")
    #expect(unready.1.contains("no worker has ever applied an event of the read model 'owners'"))
    _ = try await bank.queries(of: "owners")
    let ready = try await readiness()
    #expect(ready.0 == 200, "\(ready)")
    func ask(_ path: String) async throws -> (Int, String) {
      let answer = await server.api.answer(APIRequest(.get, path))
      return (answer.status.code, String(decoding: try await answer.wholeBody(), as: UTF8.self))
    }
    let (status, eve) = try await ask("/owners/eve")
    #expect(status == 200 && eve == #"{"cents":3,"name":"Eve","owner":"eve"}"# + "\n", "\(eve)")
    let (_, list) = try await ask("/owners?limit=1")
    #expect(list == #"[{"cents":9,"owner":"bob"}]"# + "\n", "\(list)")
    #expect(try await ask("/owners/nobody").0 == 404)
    #expect(try await ask("/owners?limit=0").0 == 400)
  }

  @Test func theDocumentHasEveryRouteOnce() async throws {
    let bank = try await TestWriter(Bank())
    let document = String(decoding: bank.api.openAPI, as: UTF8.self)
    for path in [
      "/accounts/{id}/open", "/accounts/{id}/pay-in", "/accounts/{id}/close",
      "/accounts/{id}/commands", "/accounts/{id}", "/accounts/{id}/history",
      "/accounts/{id}/removal", "/customers/{id}/register", "/events", "/store", "/healthz",
    ] {
      let count = document.components(separatedBy: "\"\(path)\":").count - 1
      #expect(count == 1, "\(path) is there \(count) times")
    }
    #expect(document.contains(#""required":["cents"]"#), "a body's members are not required")
    #expect(document.contains(#""requestBody":{"required":false"#), "no command is without a body")
  }
}
