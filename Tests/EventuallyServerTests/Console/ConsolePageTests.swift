import Eventually
import Foundation
import HTTPTypes
import Logging
import Testing

@testable import EventuallyServer

/// Pages that an application adds to the console.
@Suite(.timeLimit(.minutes(5))) struct ConsolePageTests {
  private struct WithPages: EventuallyApplication {
    static let name = "bank"
    var pages = [ConsolePage("owners", "Owners", module: "owners.js", files: ["owners.js": [10]])]
    var components: [any Component] { Bundled(pages: pages) }
  }

  private struct Bundled: Component {
    var pages: [ConsolePage]
    func register(in registry: inout Registry) {
      for component in Bank().components { component.register(in: &registry) }
      for page in pages { registry.add(page) }
    }
  }

  @Test func aSlipIsRefusedAtTheStart() {
    let file = ["x.js": [UInt8]()]
    for (page, reason) in [
      (ConsolePage("streams", "X", module: "x.js", files: file), "has a page of that name"),
      (ConsolePage("A b", "X", module: "x.js", files: file), "must be 1 to 40"),
      (ConsolePage("", "X", module: "x.js", files: file), "must be 1 to 40"),
      (ConsolePage("a", "X", module: "y.js", files: file), "no file 'y.js'"),
      (ConsolePage("none", "X", module: "x.js", in: .main), "can't be read"),
    ] {
      let error = #expect(throws: ApplicationError.self) {
        try ApplicationModel(WithPages(pages: [page]))
      }
      #expect("\(error as Any)".contains(reason), "\(error as Any)")
    }
    let page = ConsolePage("a", "X", module: "x.js", files: file)
    #expect(throws: ApplicationError.self) { try ApplicationModel(WithPages(pages: [page, page])) }
  }

  @Test func filesOfAFolderAreFound() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "page-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(
      at: folder.appending(path: "tags"), withIntermediateDirectories: true)
    try Data("x".utf8).write(to: folder.appending(path: "tags/tags.js"))
    let bundle = try #require(Bundle(url: folder))
    let page = ConsolePage("tags", "Tags", module: "tags.js", in: bundle)
    #expect(page.problem == nil && page.files == ["tags.js": [0x78]], "\(page)")
  }

  @Test func pagesAskQueries() async throws {
    let bank = try await TestWriter(WithPages())
    #expect(try await bank.post("/customers/a/register", #"{"name":"n"}"#).status == 200)
    _ = try await bank.queries(of: "owners")
    var api = bank.api
    api.console.readModels = .folder("\(bank.folder)/read-models")
    api.console.questionLimit = .seconds(60)
    let console = try #require(
      Console(of: api, isLoopback: true, isEncrypted: false, logger: Logger(label: "test")))
    let routes = console.routes
    func get(
      _ path: String, _ headers: HTTPFields = [:]
    ) async throws -> (JSONResponse, status: Int) {
      let answer = await routes.answer(APIRequest(.get, "/console/\(path)", headers: headers))
      return (answer, answer.status.code)
    }
    let about = try await get("api/about").0.wholeBody()
    #expect(
      String(decoding: about, as: UTF8.self)
        .contains(#""pages":[{"id":"owners","title":"Owners","module":"owners.js"}]"#))
    let file = try await get("application/owners/owners.js")
    #expect(file.status == 200 && file.0.bytes == [10])
    #expect(file.0.contentType == "text/javascript; charset=utf-8")
    #expect(try await get("application/owners/none.js").status == 404)
    #expect(try await get("application/none/owners.js").status == 404)

    let answer = try await get("api/query/owners?path=%2Fowners%2Fa")
    #expect(answer.status == 200)
    #expect(
      String(decoding: try await answer.0.wholeBody(), as: UTF8.self).contains(#""name":"n""#))
    #expect(try await get("api/query/owners?path=%2Fnothing").status == 404)
    #expect(try await get("api/query/owners").status == 404)
    #expect(try await get("api/query/none?path=%2Fowners").status == 404)
    #expect(try await get("api/query/owners?path=%2Fowners%2Fnobody").status == 404)

    let live = try await get(
      "api/query/owners?path=%2Fowners", [.accept: "text/event-stream"]
    ).0
    #expect(live.contentType == "text/event-stream" && live.isLive)
    var events = ""
    do {
      try await live.parts { part in
        events += String(decoding: part, as: UTF8.self)
        if events.contains("event: answer") { throw CancellationError() }
      }
    } catch is CancellationError {}
    #expect(events.contains(#""name":"n""#), "\(events)")
  }
}
