import Eventually
import Foundation
import HTTPTypes
import Logging
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

@testable import EventuallyServer

/// Which operation answers which request, without a server and by the router.
@Suite struct RouteTests {
  private struct Overridden: EventuallyApplication {
    static let name = "overridden"
    var components: [any Component] {
      Account()
      Commands("accounts", for: Account.self) {
        Command("open") { (body: Opening) in .open(owner: body.owner) }
        Command("close", .close)
      }
      WriterRoutes { _ in
        Self.route(.post, "/accounts/{id}/open")
        Self.route(.get, "/accounts/{account}/history") { try $0.path("account") }
        Self.route(.get, "/accounts/{owner}/cards/{card}") {
          try "\($0.path("owner")) \($0.path("card"))"
        }
        Self.route(.get, "/accounts/newest")
        Self.route(.get, "/owners/{id}") { try "owner \($0.path("id"))" }
        Self.route(.get, "/owners/newest/first")
        Self.route(.get, "/owners/{id}/{list}/7") { try "\($0.path("id"))'s \($0.path("list"))" }
      }
    }

    private static func route(
      _ method: HTTPRequest.Method, _ path: String,
      _ text: @escaping @Sendable (APIRequest) throws -> String = { _ in "by hand" }
    ) -> API.Operation {
      API.Operation(method, path, "by hand", role: .anyone, answers: []) { request in
        let text = try text(request)
        return JSONResponse { $0.string(text) }
      }
    }
  }

  private static let expectations: [(HTTPRequest.Method, String, status: Int, words: String)] = [
    (.post, "/accounts/a/open", 200, "by hand"),
    (.get, "/accounts/a%20b/history", 200, "a b"),
    (.get, "//accounts/a/history/", 200, #""a""#),
    (.get, "/accounts/eve/cards/7", 200, "eve 7"),
    (.get, "/accounts/newest", 200, "by hand"),
    (.get, "/accounts/newest/history", 200, "newest"),
    (.get, "/owners/newest", 200, "owner newest"),
    (.get, "/owners/newest/first", 200, "by hand"),
    (.get, "/owners/newest/first/7", 200, "newest's first"),
    (.get, "/owners/newest/last", 404, "there is no '/owners/newest/last' here"),
    (.delete, "/accounts/newest", 405, "here: GET, HEAD can"),
    (.get, "/accounts/%7Bid%7D", 404, "there is no '{id}'"),
    (.get, "/accounts", 404, "not-found"),
  ]

  @Test(.timeLimit(.minutes(5))) func theAnswerIsTheSameWithAndWithoutAServer() async throws {
    let writer = try await TestWriter(Overridden())
    try await Self.serve(writer.api, in: writer.folder) { url in
      for (method, path, status, words) in Self.expectations {
        let direct = try await writer.send(method, path)
        #expect(direct.status == status && direct.body.contains(words), "\(path): \(direct)")
        let served = try await Self.ask(url, method, path)
        #expect(served.status == status, "\(path): \(served)")
        #expect(served.body.contains(words), "\(path): \(served)")
      }
    }
  }

  @Test func whatComesInPlaceOfAProtectedRouteIsProtected() async throws {
    let writer = try await TestWriter(Overridden())
    var open: Set<String> = []
    for operation in writer.api.operations where operation.role == .anyone {
      open.insert(operation.path)
    }
    #expect(
      open == [
        "/problems", "/problems/{kind}", "/healthz", "/metrics", "/readyz", "/asyncapi.json",
        "/accounts/newest",
        "/accounts/{owner}/cards/{card}", "/owners/{id}", "/owners/newest/first",
        "/owners/{id}/{list}/7",
      ])
    #expect(!writer.api.operations.contains { $0.path == "/accounts/{id}/history" })
  }

  private static func serve(
    _ api: API, in folder: String, _ body: @escaping @Sendable (String) async throws -> Void
  ) async throws {
    let file = "\(folder)/url"
    let server = HTTPServer(
      api: api, listen: ListenAddress(host: "127.0.0.1", port: 0), addressFile: file,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run() }
      group.addTask {
        while !FileManager.default.fileExists(atPath: file) {
          try await Task.sleep(for: .milliseconds(10))
        }
        try await body(
          String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .newlines))
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  private static func ask(
    _ url: String, _ method: HTTPRequest.Method, _ path: String
  ) async throws -> (status: Int, body: String) {
    var request = URLRequest(url: try #require(URL(string: url + path)))
    request.httpMethod = method.rawValue
    request.setValue("application/json", forHTTPHeaderField: "content-type")
    if method == .post { request.httpBody = Data("{}".utf8) }
    let (body, response) = try await URLSession.shared.data(for: request)
    let status = try #require((response as? HTTPURLResponse)?.statusCode)
    return (status, String(decoding: body, as: UTF8.self))
  }
}
