import Eventually
import EventuallyKafka
import EventuallySQLite
import Foundation
import HTTPTypes
import Logging
import Testing

@testable import EventuallyServer

/// The header `Idempotency-Key`.
@Suite(.timeLimit(.minutes(5))) struct IdempotencyTests {
  private struct Answer: Equatable {
    var status: Int
    var body: String
    var isReplayed: Bool
  }

  private static func send(
    _ api: API, _ path: String, _ json: String = "", by method: HTTPRequest.Method = .post,
    keys: String...
  ) async throws -> Answer {
    var headers = HTTPFields()
    for key in keys {
      headers.append(
        HTTPField(name: try #require(HTTPField.Name("Idempotency-Key")), value: key))
    }
    let response = await api.answer(
      APIRequest(method, path, headers: headers, body: Array(json.utf8)))
    let replayed = try #require(HTTPField.Name("idempotent-replayed"))
    return Answer(
      status: response.status.code,
      body: String(decoding: try await response.wholeBody(), as: UTF8.self),
      isReplayed: response.headers[replayed] == "true")
  }

  @Test(
    arguments: [
      ("abc", "abc"), (#""abc""#, "abc"), (#""a b""#, "a b"), (#""a\"b\\c""#, #"a"b\c"#),
      ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
      (#"a"b"#, nil), ("", nil), (#""""#, nil), (#"""#, nil), (#""abc"#, nil), (#"abc""#, nil),
      (#""abc";x=1"#, nil), (#""a", "b""#, nil), ("a, b", nil), ("a b", nil), (#""a\b""#, nil),
      (#""a\"#, nil), ("ä", nil), (#""ä""#, nil), ("a\tb", nil),
    ] as [(String, String?)])
  func aKeyIsReadWithAndWithoutQuotes(_ value: String, _ key: String?) {
    #expect(IdempotencyKeyHeader.key(value) == key)
  }

  @Test func aKeyHasUpTo255Bytes() {
    let longest = String(repeating: "k", count: 255)
    #expect(IdempotencyKeyHeader.key(longest) == longest)
    #expect(IdempotencyKeyHeader.key("\"\(longest)\"") == longest)
    #expect(IdempotencyKeyHeader.key(longest + "k") == nil)
    #expect(IdempotencyKeyHeader.key("\"\(longest)k\"") == nil)
  }

  /// What the document says of a key is what is taken.
  @Test(arguments: [
    "abc", #""abc""#, #""a b""#, #""a\"b\\c""#, #"a"b"#, "", #""""#, #""abc"#, #""a";x"#, "a,b",
    "a b", #"a\b"#, #""a\b""#, "~", "!", "#+-:<[]",
  ])
  func thePatternOfTheDocumentSaysWhatIsTaken(_ value: String) throws {
    guard case .string(let pattern?, _, _, _, _) = API.Parameter.idempotencyKey.schema.plain else {
      Issue.record("no pattern")
      return
    }
    let expression = try Regex(pattern)
    #expect(
      (value.wholeMatch(of: expression) != nil) == (IdempotencyKeyHeader.key(value) != nil))
  }

  @Test func aRepeatedCommandHasOneEffectAndOneAnswer() async throws {
    let bank = try await TestWriter(Bank())
    let opened = try await Self.send(bank.api, "/accounts/a/open", #"{"owner":"eve"}"#, keys: "o")
    #expect(opened.status == 200 && !opened.isReplayed, "\(opened)")
    // Without a key: 409.
    let again = try await Self.send(bank.api, "/accounts/a/open", #"{"owner":"eve"}"#, keys: "o")
    #expect(again == Answer(status: 200, body: opened.body, isReplayed: true))
    let paid = try await Self.send(bank.api, "/accounts/a/pay-in", #"{"cents":5}"#, keys: "p")
    #expect(paid.body.contains(#""version":2,"sequenceNumber":2"#), "\(paid)")
    _ = try await Self.send(bank.api, "/accounts/a/pay-in", #"{"cents":3}"#)
    for key in ["p", #""p""#] {
      let again = try await Self.send(bank.api, "/accounts/a/pay-in", #"{"cents":5}"#, keys: key)
      #expect(again == Answer(status: 200, body: paid.body, isReplayed: true))
    }
    let several = #"{"commands":[{"payIn":{"cents":1}},{"payIn":{"cents":1}}]}"#
    let first = try await Self.send(bank.api, "/accounts/a/commands", several, keys: "s")
    #expect(first.status == 200 && first.body.contains(#""version":5"#), "\(first)")
    let second = try await Self.send(bank.api, "/accounts/a/commands", several, keys: "s")
    #expect(second == Answer(status: 200, body: first.body, isReplayed: true))
    let state = try await bank.send(.get, "/accounts/a")
    #expect(state.body.contains(#""version":5,"state":{"cents":10,"#), "\(state)")
  }

  @Test func aCommandWithoutEventsHasTheSameAnswerAgain() async throws {
    let bank = try await TestWriter(Bank())
    _ = try await bank.post("/accounts/a/open", #"{"owner":"eve"}"#)
    let nothing = try await Self.send(bank.api, "/accounts/a/pay-in", #"{"cents":0}"#, keys: "n")
    #expect(nothing.status == 200 && nothing.body.contains(#""version":1"#), "\(nothing)")
    _ = try await bank.post("/accounts/a/pay-in", #"{"cents":3}"#)
    let again = try await Self.send(bank.api, "/accounts/a/pay-in", #"{"cents":0}"#, keys: "n")
    #expect(again == Answer(status: 200, body: nothing.body, isReplayed: true))
  }

  @Test func aRefusedCommandIsDecidedAnew() async throws {
    let bank = try await TestWriter(Bank())
    let early = try await Self.send(bank.api, "/accounts/a/pay-in", #"{"cents":5}"#, keys: "p")
    #expect(early.status == 409, "\(early)")
    _ = try await bank.post("/accounts/a/open", #"{"owner":"eve"}"#)
    let late = try await Self.send(bank.api, "/accounts/a/pay-in", #"{"cents":5}"#, keys: "p")
    #expect(late.status == 200 && !late.isReplayed, "\(late)")
  }

  @Test func aKeyIsOfOneRequestToOneEntity() async throws {
    let bank = try await TestWriter(Bank())
    for id in ["a", "b"] {
      let opened = try await Self.send(
        bank.api, "/accounts/\(id)/open", #"{"owner":"eve"}"#, keys: "k")
      #expect(opened.status == 200 && !opened.isReplayed, "\(opened)")
    }
    for (path, json) in [
      ("/accounts/a/open", #"{"owner":"bob"}"#), ("/accounts/a/open", #"{"owner": "eve"}"#),
      ("/accounts/a/pay-in", #"{"cents":5}"#), ("/accounts/a/close", ""),
    ] {
      let refused = try await Self.send(bank.api, path, json, keys: "k")
      #expect(refused.status == 422 && refused.body.contains("key-reused"), "\(refused)")
      #expect(refused.body.contains("at version 1"), "\(refused)")
    }
    #expect(bank.writer.store.head.position == 2)
  }

  @Test func whatIsNoKeyIsRefused() async throws {
    let bank = try await TestWriter(Bank())
    for (method, path) in [
      (HTTPRequest.Method.post, "/accounts/a/open"), (.delete, "/accounts/a"),
    ] {
      for keys in [[#""abc"#], ["a", "b"], [""]] {
        var headers = HTTPFields()
        for key in keys {
          headers.append(
            HTTPField(name: try #require(HTTPField.Name("idempotency-key")), value: key))
        }
        let answer = await bank.api.answer(
          APIRequest(method, path, headers: headers, body: Array(#"{"owner":"eve"}"#.utf8)))
        let body = String(decoding: try await answer.wholeBody(), as: UTF8.self)
        #expect(answer.status.code == 400 && body.contains("Idempotency-Key"), "\(keys): \(body)")
      }
    }
    #expect(bank.writer.store.head.position == 0)
  }

  @Test func manyAtOnceHaveTheirEffectOnce() async throws {
    let bank = try await TestWriter(Bank())
    _ = try await bank.post("/accounts/a/open", #"{"owner":"eve"}"#)
    let api = bank.api
    let bodies = try await withThrowingTaskGroup(of: Answer.self) { group in
      for number in 0..<40 {
        group.addTask {
          try await Self.send(api, "/accounts/a/pay-in", #"{"cents":1}"#, keys: "\(number % 2)")
        }
      }
      return try await group.reduce(into: Set<String>()) { bodies, answer in
        #expect(answer.status == 200, "\(answer)")
        bodies.insert(answer.body)
      }
    }
    #expect(bodies.count == 2, "\(bodies)")
    let state = try await bank.send(.get, "/accounts/a")
    #expect(state.body.contains(#""cents":2,"#), "\(state)")
  }

  @Test func aRestartedWriterKnowsItsKeys() async throws {
    let bank = try await TestWriter(Bank())
    let first = try await Self.send(bank.api, "/accounts/a/open", #"{"owner":"eve"}"#, keys: "o")
    await bank.writer.store.close()
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let writer = try await Writer(
      ApplicationModel(Bank()),
      options: Writer.Options(
        store: "\(bank.folder)/store.sqlite",
        kafka: KafkaConfiguration(brokers: "127.0.0.1:1", topic: "bank")), logger: logger)
    let again = try await Self.send(
      writer.api(), "/accounts/a/open", #"{"owner":"eve"}"#, keys: "o")
    #expect(again == Answer(status: 200, body: first.body, isReplayed: true))
  }

  @Test func aRemovedEntityBeginsAnewWithoutKeys() async throws {
    let bank = try await TestWriter(Bank())
    let first = try await Self.send(bank.api, "/accounts/a/open", #"{"owner":"eve"}"#, keys: "o")
    #expect(first.status == 200)
    #expect(try await Self.send(bank.api, "/accounts/a", by: .delete, keys: "d").status == 200)
    let again = try await Self.send(bank.api, "/accounts/a/open", #"{"owner":"bob"}"#, keys: "o")
    #expect(again.status == 200 && !again.isReplayed, "\(again)")
    #expect(again.body.contains(#""version":1,"sequenceNumber":3"#), "\(again)")
    #expect(try await Self.send(bank.api, "/accounts/a", by: .delete, keys: "d").status == 200)
  }

  private struct ByHand: EventuallyApplication {
    static let name = "by-hand"
    var components: [any Component] {
      Account()
      WriterRoutes { writer in
        API.Operation(
          .post, "/gifts/{id}", "Give a cent", parameters: [.idempotencyKey],
          body: .object([]), answers: []
        ) { request in
          let accounts = try writer.repository(of: Account.self)
          guard let key = try request.idempotencyKey() else {
            throw RequestError(.badRequest, "a gift needs a key")
          }
          let result = try await accounts.execute(
            [.open(owner: "eve"), .deposit(1)], on: request.path("id"), idempotencyKey: key)
          return JSONResponse { $0.string("version \(result.version)") }
        }
      }
    }
  }

  @Test func aRouteByHandTakesKeysInOneCall() async throws {
    let writer = try await TestWriter(ByHand())
    for _ in 1...2 {
      let answer = try await Self.send(writer.api, "/gifts/a", "{}", keys: "k")
      #expect(answer.status == 200 && answer.body.contains("version 2"), "\(answer)")
    }
    #expect(try await Self.send(writer.api, "/gifts/a", "{ }", keys: "k").status == 422)
    #expect(try await Self.send(writer.api, "/gifts/a", "{}").status == 400)
    #expect(writer.writer.store.head.position == 2)
  }

  @Test func theDocumentHasTheHeader() async throws {
    let document = String(decoding: try await TestWriter(Bank()).api.openAPI, as: UTF8.self)
    // Five commands, two routes for several of them, and two erasures.
    let count = document.components(separatedBy: "/parameters/idempotencyKey\"").count - 1
    #expect(count == 8, "\(count)")
  }
}
