import Eventually
import EventuallySQLite
import Foundation
import HTTPTypes
import Testing

@testable import EventuallyServer

/// Queries that are answered as events, without a server.
@Suite(.timeLimit(.minutes(5))) struct LiveQueryTests {
  private static let id = HTTPField.Name("last-event-id")

  /// A read model of three owners with 5 cents each.
  private static func owners(_ limits: ServerLimits = ServerLimits()) async throws -> Owned {
    let bank = try await TestWriter(Bank(), limits: limits)
    for owner in ["a", "b", "c"] {
      #expect(try await bank.post("/accounts/\(owner)/open", #"{"owner":"x"}"#).status == 200)
      #expect(try await bank.post("/accounts/\(owner)/pay-in", #"{"cents":5}"#).status == 200)
    }
    _ = try await bank.queries(of: "owners")
    let directory = "\(bank.folder)/read-models"
    return Owned(
      bank: bank,
      api: try QueryServer(bank.writer.application, directory: directory, limits: limits).api,
      path: ReadModelDirectory("\(directory)/owners", model: CompositeDirectory()).livePath)
  }

  /// What another process does to the read model.
  private struct Owned {
    let bank: TestWriter
    let api: API
    let path: String

    func execute(_ sql: String) throws {
      try SQLiteConnection(path: path, mode: .readWrite).execute(sql)
    }

    func pay(_ cents: Int, _ owner: String = "a") throws {
      try execute("UPDATE owners SET cents = cents + \(cents) WHERE owner = '\(owner)'")
    }

    func open(_ path: String, _ headers: HTTPFields = [:]) async -> JSONResponse {
      var headers = headers
      headers[.accept] = "text/event-stream"
      return await api.answer(APIRequest(.get, path, headers: headers))
    }
  }

  /// Only its name and version count here.
  private struct CompositeDirectory: ReadModel {
    let name = "owners"
    let schemaVersion = 1
    let tables: [any ReadModelRow.Type] = [OwnerRow.self]
    func project(_ event: Persisted<String, Account.Event>, into rows: Rows) throws {}
    func forget(_ id: String, in rows: Rows) throws {}
  }

  /// Keeps what a viewer gets.
  private final class Viewer: Sendable {
    private final class Kept: Sendable { let text = Locked("") }
    private let kept: Kept
    private let task: Task<Void, any Error>

    init(_ response: JSONResponse) {
      let kept = Kept()
      self.kept = kept
      task = Task {
        try await response.parts { part in
          kept.text.withLock { $0 += String(decoding: part, as: UTF8.self) }
        }
        kept.text.withLock { $0 += "END" }
      }
    }

    deinit { task.cancel() }

    var all: String { kept.text.withLock { $0 } }

    var answers: [String] {
      all.matches(of: /id: ([^\n]+)\nevent: answer\ndata: ([^\n]+)\n\n/).map { String($0.2) }
    }

    var lastID: String? {
      all.matches(of: /id: ([^\n]+)\nevent: answer\n/).last.map { String($0.1) }
    }

    func wait(
      for what: String, within limit: Duration = .seconds(60), _ condition: (Viewer) -> Bool
    ) async throws {
      let deadline = ContinuousClock.now + limit
      while !condition(self) {
        guard ContinuousClock.now < deadline else { throw Failure("no \(what): \(all)") }
        try await Task.sleep(for: .milliseconds(5))
      }
    }
  }

  @Test func theAnswerComesAtOnceAndAgainWhenItIsAnother() async throws {
    let owned = try await Self.owners()
    let plain = await owned.api.answer(APIRequest(.get, "/owners/a"))
    #expect(plain.headers[.vary] == "Accept" && plain.contentType == "application/json")
    let response = await owned.open("/owners/a")
    #expect(response.status == .ok && response.contentType == "text/event-stream")
    #expect(response.headers[.vary] == "Accept" && response.headers[.eTag] == nil)
    let viewer = Viewer(response)
    try await viewer.wait(for: "answer") { $0.answers.count == 1 }
    #expect(viewer.all.hasPrefix("retry: 1000\n\nid: "), "\(viewer.all)")
    let body = String(decoding: try await plain.wholeBody(), as: UTF8.self)
    #expect(viewer.answers == [body.trimmingCharacters(in: .newlines)])
    #expect("\"\(viewer.lastID ?? "")\"" == plain.headers[.eTag])
    // Others' rows change, and then this one.
    try owned.pay(1, "b")
    try owned.pay(2)
    try await viewer.wait(for: "second answer") { $0.answers.count == 2 }
    #expect(viewer.answers[1].contains(#""cents":7"#), "\(viewer.all)")
    // Who comes again with the id of the last answer gets the next one.
    let tag = try #require(viewer.lastID)
    let headers: [HTTPFields] = [[try #require(Self.id): tag], [.ifNoneMatch: "\"\(tag)\""]]
    for headers in headers {
      let again = Viewer(await owned.open("/owners/a?after=0-1", headers))
      try await again.wait(for: "beginning") { $0.all.hasPrefix("retry") }
      try owned.pay(1)
      try await again.wait(for: "answer") { !$0.answers.isEmpty }
      #expect(again.answers[0] != viewer.answers[1], "\(again.all)")
    }
    let other = await owned.open("/owners/a", [.ifMatch: "\"x\""])
    #expect(other.status == .preconditionFailed)
  }

  @Test func whatFailsIsToldByTheStatusAtFirstAndLaterInTheStream() async throws {
    let owned = try await Self.owners()
    for (path, status) in [
      ("/owners/none", 404), ("/owners?limit=0", 400), ("/owners?after=9-1", 422),
      ("/owners/a?after=x", 400), ("/owners/a?after=0-100&wait=0", 503),
    ] {
      let answer = await owned.open(path)
      #expect(answer.status.code == status, "\(path): \(answer.status)")
      #expect(answer.contentType == "application/problem+json", "\(path)")
    }
    let viewer = Viewer(await owned.open("/owners/b"))
    let list = Viewer(await owned.open("/owners"))
    try await viewer.wait(for: "answer") { $0.answers.count == 1 }
    try await list.wait(for: "answer") { $0.answers.count == 1 }
    try owned.execute("DELETE FROM owners WHERE owner = 'b'")
    try await viewer.wait(for: "end") { $0.all.hasSuffix("END") }
    #expect(viewer.all.contains("event: problem\ndata: {\"type\":\"/problems/not-found\""))
    #expect(viewer.answers.count == 1)
    // The list goes on without it.
    try await list.wait(for: "answer") { $0.answers.count == 2 }
    // A row that can't be decoded, and a read model that is gone.
    try owned.execute("UPDATE owners SET cents = 'x' WHERE owner = 'c'")
    try await list.wait(for: "end") { $0.all.hasSuffix("END") }
    #expect(list.all.contains("event: problem\ndata: {"), "\(list.all)")
    let last = Viewer(await owned.open("/owners/a"))
    try await last.wait(for: "answer") { $0.answers.count == 1 }
    try FileManager.default.removeItem(atPath: owned.path)
    try await last.wait(for: "end") { $0.all.hasSuffix("END") }
    #expect(last.all.contains("/problems/read-model-unavailable"), "\(last.all)")
  }

  @Test func viewersAndQueriesAreBounded() async throws {
    var limits = ServerLimits()
    limits.liveViewers = 3
    limits.liveQueries = 2
    let owned = try await Self.owners(limits)
    do {
      let open = [await owned.open("/owners/a"), await owned.open("/owners/b")]
      #expect(open.allSatisfy { $0.status == .ok })
      let queries = await owned.open("/owners/c")
      #expect(queries.status == .serviceUnavailable && queries.fields[.retryAfter] == "1")
      let third = await owned.open("/owners/b")
      #expect(third.status == .ok)
      let viewers = await owned.open("/owners/b")
      #expect(viewers.status == .serviceUnavailable && viewers.fields[.retryAfter] == "1")
      withExtendedLifetime((open, third)) {}
    }
    let deadline = ContinuousClock.now + .seconds(60)
    while await owned.open("/owners/c").status != .ok {
      try #require(ContinuousClock.now < deadline, "the places were not given back")
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  @Test func theDocumentSaysThatEachQueryCanBeWatched() async throws {
    let owned = try await Self.owners()
    let document = try JSONSerialization.jsonObject(with: Data(owned.api.openAPI))
    let paths = try #require((document as? [String: Any])?["paths"] as? [String: [String: Any]])
    for path in ["/owners", "/owners/{id}"] {
      let query = try #require(paths[path]?["get"] as? [String: Any])
      let answers = query["responses"] as? [String: [String: Any]]
      let content = try #require(answers?["200"]?["content"] as? [String: Any], "\(query)")
      #expect(content.keys.sorted() == ["application/json", "text/event-stream"])
    }
  }

  @Test func equalQueriesOfEqualAskersAreOne() throws {
    let query = RegisteredQuery(
      model: ObjectIdentifier(Owners.self), modelName: "owners", path: "owners", summary: "",
      parameters: [], answers: []
    ) { _, _ in JSONResponse { $0.null() } }
    func question(_ target: String, _ headers: HTTPFields = [:]) -> LiveQuestion {
      LiveQuestion(query, APIRequest(.get, target, headers: headers))
    }
    let plain = question("/owners?limit=2")
    let browser: HTTPFields = [
      .accept: "text/event-stream", .userAgent: "x", .ifNoneMatch: "\"1\"",
      try #require(HTTPField.Name("sec-fetch-site")): "same-origin",
      try #require(Self.id): "1",
    ]
    #expect(plain == question("/owners?after=1-2&limit=2&wait=3", browser))
    let proxy: HTTPFields = [
      try #require(HTTPField.Name("X-Forwarded-For")): "192.0.2.1",
      try #require(HTTPField.Name("X-Real-IP")): "192.0.2.1",
      try #require(HTTPField.Name("X-B3-TraceId")): "80f198ee56343ba8",
    ]
    #expect(plain == question("/owners?limit=2", proxy))
    let user: HTTPFields = [try #require(HTTPField.Name("X-Forwarded-User")): "ann"]
    #expect(plain != question("/owners?limit=2", user))
    #expect(plain != question("/owners?limit=3"))
    #expect(plain != question("/owners?limit=2", [.authorization: "Bearer a"]))
    #expect(plain != question("/owners?limit=2", [.cookie: "a=b"]))
  }

  @Test func aViewerThatTakesNothingGetsTheNewestAnswerLater() async throws {
    let owned = try await Self.owners()
    let response = await owned.open("/owners/a")
    for cents in [1, 2, 3, 4] {
      try owned.pay(cents)
      // Each is an answer of its own for those who read.
      let reader = Viewer(await owned.open("/owners/a"))
      try await reader.wait(for: "answer") { $0.answers.count == 1 }
    }
    let viewer = Viewer(response)
    try await viewer.wait(for: "newest answer") {
      $0.answers.last?.contains(#""cents":15"#) == true
    }
    #expect(viewer.answers.count == 2, "\(viewer.all)")
  }
}
