import Eventually
import Foundation
import NIOHTTP1
import Testing

@testable import EventuallyServer

/// The console over HTTP: files, headers, sessions, and who may do what.
@Suite(.timeLimit(.minutes(5))) struct ConsoleServerTests {
  @Test func filesAreServedWithTypesTagsAndAPolicy() async throws {
    let bank = try await TestWriter(Bank())
    try await ConsoleServer.serving(bank.api) { server async throws -> Void in
      for path in [
        "/console/", "/console/main.js", "/console/lib/dom.js", "/console/styles/base.css",
      ] {
        let answer = try await server.send(.GET, path)
        #expect(answer.status == 200, "\(path)")
        Self.checkHeaders(answer)
        let tag = try #require(answer.headers.first(name: "etag"))
        let again = try await server.send(.GET, path, headers: ["if-none-match": tag])
        #expect(again.status == 304 && again.body.isEmpty, "\(path)")
        Self.checkHeaders(again)
      }
      let page = try await server.send(.GET, "/console/")
      #expect(page.headers.first(name: "content-type") == "text/html; charset=utf-8")
      for path in [
        "/console/none.js", "/console/../openapi.json", "/console/%2e%2e/x",
        "/console/lib/..%2fmain.js",
        "/console/api/nothing", "/console/%00", "/console/api",
      ] {
        let answer = try await server.send(.GET, path)
        #expect(answer.status == 404 || path.contains(".."), "\(path): \(answer.status)")
        if answer.status == 404, !path.contains("..") { Self.checkHeaders(answer) }
      }
      #expect(try await server.send(.POST, "/console/main.js", "{}").status == 405)
      #expect(try await server.send(.HEAD, "/console/main.js").status == 200)
      // What is not the console's is as it was.
      let store = try await server.send(.GET, "/openapi.json")
      #expect(store.headers.first(name: "content-security-policy") == nil)
      #expect(!store.body.contains("/console"), "the console is in the OpenAPI document")
    }
  }

  private static func checkHeaders(_ answer: ConsoleServer.Answer) {
    let policy = answer.headers.first(name: "content-security-policy") ?? ""
    for part in [
      "default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'",
      "object-src 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
    ] { #expect(policy.contains(part), "\(policy)") }
    #expect(!policy.contains("unsafe"))
    #expect(answer.headers.first(name: "x-content-type-options") == "nosniff")
    #expect(answer.headers.first(name: "referrer-policy") == "no-referrer")
    #expect(answer.headers.first(name: "cross-origin-opener-policy") == "same-origin")
  }

  @Test func consoleMayBeOff() async throws {
    let bank = try await TestWriter(Bank())
    var api = bank.api
    api.console.isServed = false
    try await ConsoleServer.serving(api) { server async throws -> Void in
      #expect(try await server.send(.GET, "/console/").status == 404)
      #expect(try await server.send(.GET, "/console/api/about").status == 404)
    }
  }

  @Test func aSessionBeginsWithATokenAndEnds() async throws {
    let bank = try await TestWriter(Bank())
    try await ConsoleServer.serving(bank.api) { server async throws -> Void in
      let before = try await server.send(.GET, "/console/api/session")
      #expect(before.status == 200 && before.body == "null\n")
      #expect(try await server.send(.GET, "/console/api/overview").status == 401)
      let about = try await server.send(.GET, "/console/api/about")
      #expect(about.object["authentication"] as? String == "tokens")
      for body in [#"{"token":"wrong"}"#, #"{"token":""}"#] {
        let refused = try await server.send(.POST, "/console/api/session", body)
        #expect(refused.status == 401 && refused.headers.first(name: "set-cookie") == nil)
        #expect(!refused.body.contains("wrong"), "the token is in the answer")
      }
      #expect(try await server.send(.POST, "/console/api/session", "[]").status >= 400)
      let answer = try await server.send(
        .POST, "/console/api/session", #"{"token":"\#(ConsoleServer.administrator)"}"#)
      let cookie = try #require(answer.headers.first(name: "set-cookie"))
      #expect(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"))
      #expect(cookie.contains("; Path=/console") && !cookie.contains("Domain"))
      #expect(answer.object["name"] as? String == "ada")
      // Where things are is told to whoever has signed in, and not before.
      let flags = try #require(answer.object["flags"] as? [String: [String]])
      #expect(flags["data"] == ["--store", "\(bank.folder)/store.sqlite"], "\(flags)")
      #expect(flags["topic"]?.first == "--brokers", "\(flags)")
      #expect(!about.body.contains(bank.folder))
      #expect(answer.object["role"] as? String == "administer")
      #expect(!answer.body.contains(ConsoleServer.administrator))
      let session = try await server.signIn()
      #expect(try await server.send(.GET, "/console/api/overview", session: session).status == 200)
      let found = try await server.send(.GET, "/console/api/session", session: session)
      #expect(found.object["csrf"] as? String == session.csrf)
      let end = try await server.send(.DELETE, "/console/api/session", session: session)
      #expect(end.headers.first(name: "set-cookie")?.contains("Max-Age=0") == true)
      #expect(try await server.send(.GET, "/console/api/overview", session: session).status == 401)
    }
  }

  @Test func aPageOfAnotherOriginSignsNobodyIn() async throws {
    let bank = try await TestWriter(Bank())
    try await ConsoleServer.serving(bank.api) { server async throws -> Void in
      let body = #"{"token":"\#(ConsoleServer.administrator)"}"#
      for headers in [
        ["origin": "http://evil.example"], ["sec-fetch-site": "cross-site"], ["origin": "null"],
      ] as [HTTPHeaders] {
        let answer = try await server.send(.POST, "/console/api/session", body, headers: headers)
        #expect(answer.status == 403 && answer.headers.first(name: "set-cookie") == nil)
      }
    }
  }

  @Test func attemptsAreBounded() async throws {
    let bank = try await TestWriter(Bank())
    let log = RecordedLog()
    try await ConsoleServer.serving(bank.api, logger: log.logger) { server async throws -> Void in
      var seen: [UInt] = []
      for number in 0..<12 {
        seen.append(
          try await server.send(.POST, "/console/api/session", #"{"token":"guess-\#(number)"}"#)
            .status)
      }
      #expect(seen == Array(repeating: 401, count: 10) + [429, 429])
      let audit = log.all.filter { $0.hasPrefix("audit") }
      #expect(audit.count == 10 && audit.allSatisfy { $0.contains("sign in") }, "\(audit)")
      #expect(!log.all.contains { $0.contains("guess-") }, "a token is in the log")
    }
  }

  @Test func cutCookiesAreNone() async throws {
    let bank = try await TestWriter(Bank())
    try await ConsoleServer.serving(bank.api) { server async throws -> Void in
      let session = try await server.signIn()
      for cookie in [
        String(session.cookie.dropLast()), session.cookie + "0", "eventually-console=",
        String(repeating: "x", count: 4000), "=;=;=",
        session.cookie.replacing("-console-", with: "-"),
      ] {
        let cut = ConsoleServer.Session(cookie: cookie, csrf: session.csrf)
        #expect(try await server.send(.GET, "/console/api/overview", session: cut).status == 401)
      }
    }
  }

  @Test func theOverviewShowsTheStoreAndFollowsIt() async throws {
    let bank = try await TestWriter(Bank())
    #expect(try await bank.post("/accounts/a/open", #"{"owner":"<img src=x>"}"#).status == 200)
    try await ConsoleServer.serving(bank.api) { server async throws -> Void in
      let session = try await server.signIn(ConsoleServer.reader)
      let frame = try await server.send(.GET, "/console/api/overview", session: session).object
      let store = try #require(frame["store"] as? [String: Any])
      #expect(store["head"] as? Int == 1 && store["partitions"] as? Int == 4)
      #expect((frame["latest"] as? [Any])?.count == 1)
      // A page gets a frame at once, one when something changes, and beats in between.
      let text = try await server.frames("/console/api/overview", session: session) { text in
        text.contains("event: overview")
      }
      #expect(text.contains("\nevent: overview\ndata: {\"time\":"), "\(text)")
      let later = Task {
        try await server.frames("/console/api/overview", session: session) {
          $0.contains(#""head":2"#)
        }
      }
      #expect(try await bank.post("/accounts/a/pay-in", #"{"cents":5}"#).status == 200)
      #expect(try await later.value.contains(#""head":2"#))
      let beats = try await server.frames("/console/api/charts", session: session) {
        $0.contains("event: beat")
      }
      #expect(beats.contains("event: beat\ndata: {}\n\n"))
    }
  }

  @Test func aStreamEndsWithItsSession() async throws {
    let bank = try await TestWriter(Bank())
    try await ConsoleServer.serving(bank.api) { server async throws -> Void in
      let session = try await server.signIn()
      let stream = Task {
        // It ends by itself.
        try await server.frames("/console/api/overview", session: session) { _ in false }
      }
      let other = try await server.signIn()
      _ = try await server.frames("/console/api/overview", session: other) {
        $0.contains("event: overview")
      }
      #expect(
        try await server.send(.DELETE, "/console/api/session", session: session).status == 200)
      #expect(try await stream.value.hasPrefix("retry: 1000\n\n"))
      #expect(try await server.send(.GET, "/console/api/overview", session: other).status == 200)
    }
  }

  @Test func chartsResumeWithoutAGap() async throws {
    let bank = try await TestWriter(Bank())
    try await ConsoleServer.serving(bank.api) { server async throws -> Void in
      let session = try await server.signIn()
      let first = try await server.frames("/console/api/charts", session: session) {
        $0.contains("event: points")
      }
      let id = try #require(first.firstMatch(of: /id: ([0-9]+\.[0-9]+)\n/)?.1)
      #expect(first.contains(#""all":true"#))
      let next = try await server.frames(
        "/console/api/charts", session: session, headers: ["last-event-id": String(id)]
      ) { $0.contains("event: points") }
      #expect(next.contains(#""all":false"#), "\(next)")
      let other = try await server.frames("/console/api/charts?lastEventID=1.1", session: session) {
        $0.contains("event: points")
      }
      #expect(other.contains(#""all":true"#), "another process's id")
    }
  }

  @Test func aProcessWithoutReadModelsSaysWhichFlagGivesThem() async throws {
    let bank = try await TestWriter(Bank())
    try await ConsoleServer.serving(bank.api, hasTokens: false) { server async throws -> Void in
      let about = try await server.send(.GET, "/console/api/about").object
      let sources = about["sources"] as? [String: Any]
      #expect(sources?["readModels"] as? String == "--read-models")
      #expect(sources?["store"] as? Bool == true && about["mayChange"] as? Bool == true)
      let other = try await server.send(
        .GET, "/console/api/about", headers: ["host": "evil.example"])
      #expect(other.object["mayChange"] as? Bool == false)
    }
    let queries = try await bank.queries(of: "owners")
    try await ConsoleServer.serving(queries.api, hasTokens: false, host: "0.0.0.0") {
      server async throws -> Void in
      let about = try await server.send(.GET, "/console/api/about").object
      let sources = about["sources"] as? [String: Any]
      #expect(sources?["store"] as? String == "--store" && sources?["readModels"] as? Bool == true)
      #expect(about["mayChange"] as? Bool == false)
      #expect((about["whyNot"] as? String)?.contains("--token-file") == true)
      // On a busy machine the read model may take longer than a look at it waits.
      let deadline = ContinuousClock.now + .seconds(60)
      var frame: [String: Any] = [:]
      repeat {
        frame = try await server.send(.GET, "/console/api/overview").object
      } while (frame["readModels"] as? [Any])?.count != 1 && .now < deadline
      #expect(frame["store"] is NSNull)
      #expect((frame["readModels"] as? [Any])?.count == 1, "\(frame)")
    }
  }

  @Test func viewersAreBounded() async throws {
    var limits = ServerLimits()
    limits.consoleViewers = 2
    let bank = try await TestWriter(Bank(), limits: limits)
    try await ConsoleServer.serving(bank.api, hasTokens: false) { server async throws -> Void in
      let headers: HTTPHeaders = ["accept": "text/event-stream"]
      let open = [
        try await server.open(.GET, "/console/api/overview", headers: headers),
        try await server.open(.GET, "/console/api/charts", headers: headers),
      ]
      let refused = try await server.send(.GET, "/console/api/overview", headers: headers)
      #expect(refused.status == 503 && refused.headers.first(name: "retry-after") == "1")
      withExtendedLifetime(open) {}
    }
  }
}
