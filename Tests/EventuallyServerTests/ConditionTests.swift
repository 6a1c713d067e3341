import Eventually
import EventuallySQLite
import Foundation
import HTTPTypes
import Testing

@testable import EventuallyServer

/// `ETag`, `If-Match`, `If-None-Match` and `Prefer`.
@Suite struct ConditionTests {
  private struct Answer {
    var status: Int
    var body: String
    var headers: HTTPFields
  }

  private func send(
    _ api: API, _ method: HTTPRequest.Method, _ path: String, _ json: String = "",
    _ headers: HTTPFields = [:]
  ) async throws -> Answer {
    let answer = await api.answer(
      APIRequest(method, path, headers: headers, body: Array(json.utf8)))
    let body = String(decoding: try await answer.wholeBody(), as: UTF8.self)
    return Answer(status: answer.status.code, body: body, headers: answer.fields)
  }

  @Test(arguments: [
    ("*", EntityTags.any), (" * ", .any), (#""3""#, .these([EntityTag("3")])),
    (#""3", W/"4""#, .these([EntityTag("3"), EntityTag("4", isWeak: true)])),
    (#", "a,b" ,,""#, nil), (#","a,b" , , "é""#, .these([EntityTag("a,b"), EntityTag("é")])),
    (#""""#, .these([EntityTag("")])), ("", nil), (" ", nil), (",", nil), ("3", nil),
    (#""3"#, nil), (#"w/"3""#, nil), (#"W/ "3""#, nil), (#""3" "4""#, nil), (#""a b""#, nil),
    (#"*, "3""#, nil), (#""3", *"#, nil), (#"W/*"#, nil),
  ])
  func tagsAreReadAsTheyAreWritten(text: String, tags: EntityTags?) {
    #expect(EntityTags(text) == tags)
  }

  @Test func weakTagsMatchWeaklyAlone() {
    let strong = EntityTag("1")
    let weak = EntityTag("1", isWeak: true)
    #expect(strong.matchesStrongly(strong) && strong.matchesWeakly(weak))
    #expect(!strong.matchesStrongly(weak) && !weak.matchesStrongly(weak))
    #expect(weak.matchesWeakly(weak) && !weak.matchesWeakly(EntityTag("2")))
    #expect(strong.compressed != strong && strong.compressed.matchesStrongly(strong))
    #expect(strong.compressed.version == 1 && weak.version == nil)
    #expect(EntityTag("01").version == nil && EntityTag("-1").version == nil)
  }

  @Test func eachConditionHoldsWhereItShould() throws {
    for (headers, holdsAt) in [
      ([:], [0, 1, 2, 3]), ([.ifMatch: "*"], [1, 2, 3]), ([.ifMatch: #""2""#], [2]),
      ([.ifMatch: #""1", "3""#], [1, 3]), ([.ifMatch: #"W/"2""#], []), ([.ifMatch: #""0""#], []),
      ([.ifMatch: #""x""#], []), ([.ifMatch: #""02""#], []), ([.ifMatch: #""2-gzip""#], [2]),
      ([.ifNoneMatch: "*"], [0]), ([.ifNoneMatch: #""2""#], [0, 1, 3]),
      ([.ifNoneMatch: #"W/"2""#], [0, 1, 3]),
      ([.ifMatch: "*", .ifNoneMatch: #""2""#], [1, 3]),
    ] as [(HTTPFields, [Version])] {
      let precondition = try Precondition(headers)
      for version in 0...3 as ClosedRange<Version> {
        var refusal: RequestError?
        do { try precondition.check(version) } catch { refusal = error as? RequestError }
        #expect((refusal == nil) == holdsAt.contains(version), "\(headers) at \(version)")
        if let refusal {
          #expect(refusal.status == .preconditionFailed && refusal.actualVersion == version)
        }
      }
      if let only = precondition.onlyVersion { #expect(holdsAt == [only], "\(headers)") }
    }
    #expect(throws: RequestError.self) { try Precondition([.ifMatch: "3"]) }
    #expect(throws: RequestError.self) { try Precondition([.ifNoneMatch: ""]) }
  }

  @Test func aCommandIsCarriedOutAtTheExpectedVersionAlone() async throws {
    let api = try await TestWriter(Bank())
    func pay(_ headers: HTTPFields) async throws -> Answer {
      try await send(api.api, .post, "/accounts/a/pay-in", #"{"cents":5}"#, headers)
    }
    let all = #"{"commands":[{"open":{"owner":"eve"}},{"payIn":{"cents":5}}]}"#
    let first = try await send(
      api.api, .post, "/accounts/a/commands", all, [.ifNoneMatch: "*"])
    #expect(first.status == 200 && first.headers[.eTag] == #""2""#, "\(first)")
    let again = try await send(
      api.api, .post, "/accounts/a/commands", all, [.ifNoneMatch: "*"])
    #expect(again.status == 412 && again.body.contains("/problems/precondition-failed"), "\(again)")
    #expect(again.body.contains(#""expectedVersion":0,"actualVersion":2"#), "\(again)")
    let stale = try await pay([.ifMatch: #""1""#])
    #expect(stale.status == 412, "\(stale)")
    #expect(stale.body.contains(#""expectedVersion":1,"actualVersion":2"#), "\(stale)")
    #expect(try await pay([.ifMatch: #""2""#]).headers[.eTag] == #""3""#)
    #expect(try await pay([.ifMatch: #""2", "3""#]).headers[.eTag] == #""4""#)
    #expect(try await pay([.ifMatch: "*"]).status == 200)
    #expect(try await pay([.ifMatch: #""2", "3""#]).status == 412)
    #expect(try await pay([.ifMatch: "5"]).status == 400)
    let none = try await send(
      api.api, .post, "/accounts/b/open", #"{"owner":"eve"}"#, [.ifMatch: "*"])
    #expect(none.status == 412 && none.body.contains(#""actualVersion":0"#), "\(none)")
    // A condition that holds is no reason not to hear the aggregate's.
    let refused = try await send(
      api.api, .post, "/accounts/b/pay-in", #"{"cents":5}"#, [.ifNoneMatch: "*"])
    #expect(refused.status == 409 && refused.body.contains("not-open"), "\(refused)")
    for (condition, status) in [(#""1""#, 412), ("x", 400), (#""1", "7""#, 412)] {
      let removal = try await send(api.api, .delete, "/accounts/a", "", [.ifMatch: condition])
      #expect(removal.status == status, "\(condition): \(removal)")
    }
    #expect(api.writer.store.head.position == 5, "what was refused appended something")
  }

  @Test func anEntityIsRemovedAtTheExpectedVersionAlone() async throws {
    let bank = try await TestWriter(Bank())
    for _ in 0..<3 {
      #expect(try await bank.post("/accounts/a/open", #"{"owner":"eve"}"#).status == 200)
      #expect(try await bank.post("/accounts/a/pay-in", #"{"cents":5}"#).status == 200)
      let late = try await send(bank.api, .delete, "/accounts/a", "", [.ifMatch: #""1""#])
      #expect(late.status == 412 && late.body.contains(#""actualVersion":2"#), "\(late)")
      let removal = try await send(bank.api, .delete, "/accounts/a", "", [.ifMatch: #""2""#])
      #expect([200, 202].contains(removal.status), "\(removal)")
      let again = try await send(bank.api, .delete, "/accounts/a", "", [.ifMatch: #""2""#])
      #expect(again.status == 412 && again.body.contains(#""actualVersion":0"#), "\(again)")
    }
    // Of many that remove what they saw, none removes what others appended.
    #expect(try await bank.post("/accounts/b/open", #"{"owner":"eve"}"#).status == 200)
    try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<20 {
        group.addTask {
          number % 2 == 0
            ? try await send(bank.api, .delete, "/accounts/b", "", [.ifMatch: #""1""#]).status
            : try await send(
              bank.api, .post, "/accounts/b/pay-in", #"{"cents":1}"#, [.ifMatch: #""1""#]
            ).status
        }
      }
      var done = 0
      for try await status in group {
        if status != 412 { done += 1 }
        #expect([200, 202, 412].contains(status))
      }
      #expect(done == 1)
    }
  }

  @Test func oneOfManyThatExpectTheSameVersionIsCarriedOut() async throws {
    let bank = try await TestWriter(Bank())
    #expect(try await bank.post("/accounts/a/open", #"{"owner":"eve"}"#).status == 200)
    for condition in [#""1""#, #""1", "7""#] {
      let before = bank.writer.store.head.position
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<20 {
          group.addTask {
            try await send(
              bank.api, .post, "/accounts/a/pay-in", #"{"cents":1}"#,
              [.ifMatch: before == 1 ? condition : #""2", "7""#]
            ).status
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(statuses.count { $0 == 200 } == 1, "\(statuses)")
      #expect(statuses.allSatisfy { $0 == 200 || $0 == 412 }, "\(statuses)")
    }
  }

  @Test func whoHasTheStateIsToldSo() async throws {
    let bank = try await TestWriter(Bank())
    #expect(try await bank.post("/accounts/a/open", #"{"owner":"eve"}"#).status == 200)
    for path in ["/accounts/a", "/accounts/a/history"] {
      let state = try await send(bank.api, .get, path)
      #expect(state.headers[.eTag] == #""1""#, "\(state)")
      for (tags, status) in [
        (#""1""#, 304), (#"W/"1""#, 304), (#""0", "1-gzip""#, 304), ("*", 304), (#""2""#, 200),
        ("1", 400),
      ] {
        let answer = try await send(bank.api, .get, path, "", [.ifNoneMatch: tags])
        #expect(answer.status == status, "\(tags): \(answer)")
        guard status == 304 else { continue }
        #expect(answer.body.isEmpty && answer.headers[.eTag] == #""1""#, "\(answer)")
        #expect(answer.headers[.contentType] == nil)
        #expect(answer.headers[.cacheControl] == "private, no-cache")
      }
      #expect(try await send(bank.api, .get, path, "", [.ifMatch: #""2""#]).status == 412)
    }
  }

  @Test func anAnswerCanDoWithoutABody() async throws {
    let bank = try await TestWriter(Bank())
    let prefer = try #require(HTTPField.Name("prefer"))
    let applied = try #require(HTTPField.Name("preference-applied"))
    let token = try #require(ConsistencyToken.header)
    let answer = try await send(
      bank.api, .post, "/accounts/a/open", #"{"owner":"eve"}"#,
      [prefer: "respond-async, RETURN = \"minimal\"; x=1, return=representation"])
    #expect(answer.status == 204 && answer.body.isEmpty, "\(answer)")
    #expect(answer.headers[.eTag] == #""1""# && answer.headers[applied] == "return=minimal")
    #expect(answer.headers[token]?.contains("-") == true && answer.headers[.contentType] == nil)
    for other in ["return=representation", "x=\"return=minimal\"", "return", "", "return=min"] {
      let whole = try await send(
        bank.api, .post, "/accounts/a/pay-in", #"{"cents":5}"#, [prefer: other])
      #expect(whole.status == 200 && whole.headers[applied] == nil, "\(other): \(whole)")
    }
    let refused = try await send(
      bank.api, .post, "/accounts/a/open", "{}", [prefer: "return=minimal"])
    #expect(refused.status == 422 && refused.body.contains("owner"), "\(refused)")
  }

  @Test func theTagOfAQuerysAnswerFollowsFromWhatItSays() async throws {
    let bank = try await TestWriter(Bank())
    #expect(try await bank.post("/accounts/eve/open", #"{"owner":"eve"}"#).status == 200)
    #expect(try await bank.post("/accounts/eve/pay-in", #"{"cents":3}"#).status == 200)
    let server = try await bank.queries(of: "owners")
    let first = try await send(server.api, .get, "/owners/eve")
    let tag = try #require(first.headers[.eTag])
    #expect(first.status == 200 && EntityTags(tag) != nil && tag.count == 34, "\(first)")
    let same = try await send(server.api, .get, "/owners/eve", "", [.ifNoneMatch: tag])
    #expect(same.status == 304 && same.body.isEmpty, "\(same)")
    let list = try await send(server.api, .get, "/owners", "", [.ifNoneMatch: tag])
    #expect(list.status == 200 && list.headers[.eTag] != tag, "\(list)")
    #expect(try await send(server.api, .get, "/owners/bob", "", [.ifNoneMatch: tag]).status == 404)
  }
}

extension ConditionTests {
  @Test func aCommandByHandCanHoldItsConditions() throws {
    let request = APIRequest(.post, "/", headers: [.ifMatch: #""2""#])
    try request.checkConditions(at: 2)
    do {
      try request.checkConditions(at: 3)
      Issue.record("a condition that does not hold was taken for one that does")
    } catch let error as RequestError {
      #expect(error.expectedVersion == 2 && error.actualVersion == 3)
    }
    let tagged = JSONResponse { $0.null() }.tagged(3)
    #expect(tagged.headers[.eTag] == #""3""#)
    #expect(JSONResponse { $0.null() }.tagged(0).headers[.eTag] == nil)
  }
}
