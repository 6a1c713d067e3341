import Eventually
import Foundation
import HTTPTypes
import Testing

@testable import EventuallyServer

/// What answers say of requests that are not carried out.
@Suite struct ProblemTests {
  private struct Problem: Decodable {
    var type: String
    var title: String
    var status: Int
    var detail: String
    var instance: String
    var code: String?
    var member: String?
    var parameter: String?
    var expectedVersion: Int?
    var actualVersion: Int?
  }

  private func problem(
    _ bank: TestWriter, _ method: HTTPRequest.Method, _ path: String, _ json: String = "",
    headers: HTTPFields = [:]
  ) async throws -> Problem {
    let answer = await bank.api.answer(
      APIRequest(method, path, headers: headers, body: Array(json.utf8)))
    #expect(answer.contentType == "application/problem+json", "\(method) \(path)")
    let body = Data(try await answer.wholeBody())
    let problem = try JSONDecoder().decode(Problem.self, from: body)
    #expect(problem.status == answer.status.code, "\(path): \(problem)")
    return problem
  }

  @Test func whatIsWrongIsToldWithItsKindAndItsPlace() async throws {
    let bank = try await TestWriter(Bank())
    let missing = try await problem(bank, .post, "/accounts/a/open", "{}")
    #expect(missing.type == "/problems/invalid-member" && missing.member == "owner", "\(missing)")
    let nested = try await problem(
      bank, .post, "/accounts/a/commands", #"{"commands":[{"payIn":{"cents":"5"}}]}"#)
    #expect(nested.member == "commands[0].payIn.cents" && nested.status == 422, "\(nested)")
    let refused = try await problem(bank, .post, "/accounts/a/pay-in", #"{"cents":5}"#)
    #expect(refused.type == "/problems/refused" && refused.code == "not-open", "\(refused)")
    let parameter = try await problem(bank, .get, "/events?limit=0")
    #expect(parameter.type == "/problems/invalid-request", "\(parameter)")
    #expect(parameter.parameter == "limit" && parameter.status == 400, "\(parameter)")
    let other = try await problem(bank, .get, "/events?store=nobody")
    #expect(other.type == "/problems/wrong-store" && other.status == 409, "\(other)")
    let nowhere = try await problem(bank, .get, "/nowhere")
    #expect(nowhere.type == "/problems/not-found" && nowhere.title != "", "\(nowhere)")
  }

  @Test func theInstanceIsTheRequestsID() async throws {
    let bank = try await TestWriter(Bank())
    let name = try #require(RequestID.header)
    let given = try await problem(bank, .get, "/nowhere", headers: [name: "a/7"])
    #expect(given.instance == "/requests/a%2F7")
    for unusable in ["", "a b", "é", String(repeating: "x", count: 129)] {
      let made = try await problem(bank, .get, "/nowhere", headers: [name: unusable])
      #expect(
        made.instance.wholeMatch(of: /\/requests\/[0-9a-f]{32}/) != nil, "\(made.instance)")
    }
  }

  @Test func eachKindHasAPageAndALineInTheArticle() async throws {
    let article = try String(
      contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../Sources/EventuallyServer/EventuallyServer.docc/Problems.md"), encoding: .utf8)
    let list = try #require(article.components(separatedBy: "## Kinds").last)
    let lines = list.split(separator: "\n").filter { $0.hasPrefix("| `") }
    let wanted = ProblemKind.allCases.map {
      "| `\($0.rawValue)` | \($0.status) | \($0.title) | \($0.advice) |"
    }
    for (line, wanted) in zip(lines, wanted) { #expect(line == wanted) }
    #expect(lines.count == wanted.count, "the article lists \(lines.count) kinds")
    let api = API(title: "test", summary: "test")
    let all = await api.answer(APIRequest(.get, "/problems"))
    let pages = String(decoding: try await all.wholeBody(), as: UTF8.self)
    for kind in ProblemKind.allCases {
      let answer = await api.answer(APIRequest(.get, kind.path))
      let text = String(decoding: try await answer.wholeBody(), as: UTF8.self)
      #expect(answer.status == .ok && text.contains(kind.advice) && pages.contains(text))
    }
    #expect(await api.answer(APIRequest(.get, "/problems/none")).status == .notFound)
  }

  @Test func whoeverIsSentAwayIsToldWhenToComeAgain() async throws {
    let problem = RequestError(kind: .storeUnavailable, "no").response(id: nil)
    #expect(problem.fields[.retryAfter] == "1")
    let later = RequestError(.serviceUnavailable, "no", headers: [.retryAfter: "7"])
    #expect(later.response(id: nil).fields[.retryAfter] == "7")
    #expect(later.kind == .unavailable)
    #expect(RequestError(.notFound, "no").response(id: nil).fields[.retryAfter] == nil)
    #expect(JSONResponse(.tooManyRequests) { $0.null() }.fields[.retryAfter] == "1")
  }

  @Test func whatAnApplicationRefusesHasAKindByItsStatus() {
    #expect(RequestError(.notFound, "no").kind == .notFound)
    #expect(RequestError(.notFound, code: "gone", "no").kind == .refused)
    #expect(RequestError(.gone, "no").kind == .refused)
    #expect(RequestError(.badGateway, "no").kind == .internal)
    struct Wrong: Error {}
    #expect(RequestError(Wrong()).kind == .internal)
    #expect(RequestError(EventStoreError.overloaded).kind == .overloaded)
    let conflict = RequestError(
      RepositoryError.store(
        .conflict(VersionConflict(streamID: "a", expected: 3, actual: 4))))
    #expect(conflict.expectedVersion == 3 && conflict.actualVersion == 4)
  }
}
