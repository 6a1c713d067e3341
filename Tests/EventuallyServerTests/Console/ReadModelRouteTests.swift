import Eventually
import EventuallySQLite
import Foundation
import HTTPTypes
import Logging
import Synchronization
import Testing

@testable import EventuallyServer

/// The customers' names; fails on those that begin with "!" until it is fixed.
private struct Names: ReadModel {
  final class Fix: Sendable {
    private let state = Atomic(false)
    var isFixed: Bool {
      get { state.load(ordering: .relaxed) }
      set { state.store(newValue, ordering: .relaxed) }
    }
  }

  struct Row: CodableRow {
    static let table = "names"
    var id: String
    var name: String
    var key: String { id }
  }

  struct Refused: Error {}

  let name = "names"
  let schemaVersion = 1
  let tables: [any ReadModelRow.Type] = [Row.self]
  let fix: Fix

  func project(_ event: Persisted<String, Customer.Event>, into rows: Rows) throws {
    guard case .registered(let name) = event.event else { return }
    if name.hasPrefix("!"), !fix.isFixed { throw Refused() }
    try rows.put(Row(id: event.streamID, name: name))
  }

  func forget(_ streamID: String, in rows: Rows) throws { try rows.delete(Row.self, streamID) }
}

private struct Register: EventuallyApplication {
  static let name = "register"
  var fix = Names.Fix()
  var components: [any Component] {
    Commands("customers", for: Customer.self) {
      Command("register") { (body: Registration) in .register(name: body.name) }
    }
    Names(fix: fix)
    Customer()
  }
}

/// What the console changes of read models, by its routes.
@Suite(.timeLimit(.minutes(5))) struct ReadModelRouteTests {
  private let writer: TestWriter
  private let fix: Names.Fix
  private let console: Console
  private let routes: API
  private var readModels: String { "\(writer.folder)/read-models" }

  init() async throws {
    let application = Register()
    fix = application.fix
    writer = try await TestWriter(application)
    var api = writer.api
    api.console.readModels = .folder("\(writer.folder)/read-models")
    api.console.questionLimit = .seconds(60)
    api.console.masking = try Masking(
      members: ["customer.name"], columns: ["names.name"], of: writer.writer.application)
    console = try #require(
      Console(
        of: api, isLoopback: true, isEncrypted: false,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
    routes = console.routes
  }

  private func register(_ names: [String: String]) async throws {
    for (id, name) in names {
      #expect(
        try await writer.post("/customers/\(id)/register", #"{"name":"\#(name)"}"#).status < 300)
    }
    _ = try await writer.queries(of: "names")
  }

  private func send(
    _ method: HTTPRequest.Method, _ path: String, _ json: String = "",
    as role: AccessRole = .administer
  ) async throws -> (status: Int, body: String) {
    var request = APIRequest(method, "/console/api/\(path)", body: Array(json.utf8))
    request.asker.role = role
    let response = await routes.answer(request)
    return (response.status.code, String(decoding: try await response.wholeBody(), as: UTF8.self))
  }

  /// Asks until the answer has a text.
  private func wait(_ path: String, for text: String) async throws -> String {
    let deadline = ContinuousClock.now + .seconds(30)
    while true {
      let answer = try await send(.get, path).body
      if answer.contains(text) { return answer }
      guard .now < deadline else { throw Failure("no \(text) in \(answer)") }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  @Test func aReplayIsComparedAndMadeLive() async throws {
    try await register(["a": "Ada", "b": "Bob"])
    let path = try #require(writer.writer.application.readModel("names")?.path(in: readModels))
    try SQLiteConnection(path: path, mode: .readWrite).execute(
      "UPDATE names SET name = 'Eve' WHERE name = 'Bob'")
    #expect(try await send(.get, "read-models/names/replay").body.hasPrefix("null"))
    let begun = try await send(.post, "read-models/names/replays", #"{"from":"zero"}"#)
    #expect(
      begun.status == 200 && begun.body.contains(#""generation":2,"from":"zero""#), "\(begun)")
    #expect(begun.body.contains(#""by":"the console""#), "\(begun)")
    let built = try await wait("read-models/names/replay", for: #""state":"built""#)
    #expect(built.contains(#""differenceCount":1"#), "\(built)")
    #expect(built.contains(#""rebuilt":["Bob"],"live":["Eve"]"#), "\(built)")
    #expect(built.contains(#""columns":{"names":["id","name"]}"#), "\(built)")
    let masked = try await send(.get, "read-models/names/replay", as: .read).body
    #expect(masked.contains(#""rebuilt":["(masked)"],"live":["(masked)"]"#), "\(masked)")
    // It makes a third generation, which is live then.
    try await register(["c": "Cy"])
    let live = try await send(.post, "read-models/names/live", #"{"generation":2}"#)
    #expect(live.status == 204, "\(live)")
    let details = try await wait("read-models/names", for: #""generation":2,"#)
    #expect(details.contains(#""replay":null"#), "\(details)")
    #expect(details.contains(#"{"number":1,"state":"kept""#), "\(details)")
    let changes = console.audit.newest.map { "\($0.what) \($0.target): \($0.outcome)" }
    #expect(
      changes == [
        "switch names, generation 2: live instead of generation 3",
        "replay names --from zero: builds generation 2",
      ], "\(changes)")
  }

  /// What can't be found is not looked for, however long that would take.
  @Test func questionsThatCanNotBeAnsweredAreRefused() async throws {
    try await register(["a": "Ada"])
    let rows = "read-models/names/rows"
    let longest = String(repeating: "x", count: RowSearch.longestSearch)
    for (path, status) in [
      ("\(rows)?search=\(longest)", 200), ("\(rows)?search=\(longest)x", 422),
      ("\(rows).csv?search=\(longest)x", 422), ("\(rows)?search=a%00b", 400),
      ("\(rows)?generation=99", 404), ("\(rows).csv?generation=99", 404),
    ] {
      let answer = try await send(.get, path)
      #expect(answer.status == status, "\(path.prefix(60)): \(answer)")
    }
  }

  /// Catching up may take long.
  @Test func aSwitchTellsHowFarItIs() async throws {
    let path = "read-models/names/switch"
    #expect(try await send(.get, path).body.hasPrefix("null"))
    console.replays.switching.withLock {
      $0 = .init(readModel: "names", generation: 3)
    }
    let begun = try await wait(path, for: #""generation":3"#)
    #expect(begun.contains(#""applied":0,"total":0,"elapsed":0,"rate":0"#), "\(begun)")
    console.replays.switching.withLock { $0?.readModel = "others" }
    _ = try await wait(path, for: "null")
  }

  @Test func changesAreForAdministrators() {
    let changes = routes.operations.filter {
      $0.method != .get && ($0.path.contains("/read-models/") || $0.path.contains("/parked/"))
    }
    #expect(changes.count == 8)
    #expect(changes.allSatisfy { $0.role == .administer })
  }

  @Test func generationsAndSavepointsAreMadeAndDropped() async throws {
    try await register(["a": "Ada"])
    let path = "read-models/names"
    #expect(try await send(.post, "\(path)/savepoints", #"{"name":"one"}"#).status == 204)
    #expect(try await send(.post, "\(path)/savepoints", #"{"name":"one"}"#).status == 409)
    #expect(try await send(.post, "\(path)/savepoints", #"{"name":"a b"}"#).status == 400)
    _ = try await wait(path, for: #"{"name":"one","saved":"#)
    #expect(try await send(.post, "\(path)/replays", #"{"from":"two"}"#).status == 404)
    #expect(try await send(.post, "\(path)/replays", #"{"from":"a b"}"#).status == 400)
    #expect(try await send(.post, "\(path)/replays", #"{"from":"zero","to":"99"}"#).status == 400)
    #expect(try await send(.post, "\(path)/replays", #"{"from":"one"}"#).status == 200)
    _ = try await wait("\(path)/replay", for: #""state":"built""#)
    #expect(try await send(.delete, "\(path)/replay").status == 204)
    #expect(try await send(.get, "\(path)/replay").body.hasPrefix("null"))
    #expect(try await send(.delete, "\(path)/replay").status == 404)
    #expect(try await send(.delete, "\(path)/generations/1").status == 409)
    #expect(try await send(.delete, "\(path)/generations/2").status == 404)
    #expect(try await send(.delete, "\(path)/generations/x").status == 400)
    #expect(try await send(.delete, "\(path)/savepoints/one").status == 204)
    #expect(try await send(.delete, "\(path)/savepoints/one").status == 404)
    #expect(try await send(.get, "read-models/other").status == 404)
    #expect(console.audit.newest.contains { $0.outcome.hasPrefix("refused: ") })
  }

  @Test func parkedStreamsAreTriedRetriedAndDiscarded() async throws {
    try await register(["a": "Ada", "b": "!Bob", "c": "!Cy", "d": "!Di"])
    let masked = try await send(.get, "parked", as: .read).body
    #expect(masked.contains(#""reason":"(masked)","streams":3"#), "\(masked)")
    let parked = try await send(.get, "parked").body
    #expect(parked.contains(#""streams":3,"events":3,"#), "\(parked)")
    let reason = try #require(parked.firstMatch(of: /"reason":"([^"]*)"/)).1
    let byReason = #"{"reason":"\#(reason)","after":""}"#
    let failing = try await send(.post, "parked/names/retry?dryRun=true", byReason)
    #expect(failing.status == 200 && failing.body.contains(#""outcome":"fails""#), "\(failing)")
    fix.isFixed = true
    let tried = try await send(.post, "parked/names/retry?dryRun=true", byReason).body
    #expect(
      tried.contains(
        #"{"table":"names","key":["b"],"before":null,"after":{"name":"!Bob"}}"#), "\(tried)")
    #expect(tried.contains(#""left":0"#), "\(tried)")
    // Another process may have other code.
    #expect(
      tried.contains(
        #""triedBy":{"kind":"\#(console.process.kind)","name":"\#(console.process.name)""#),
      "\(tried)")
    #expect(tried.firstMatch(of: /"workers":\["[^"]+"/) != nil, "\(tried)")
    #expect(try await send(.get, "parked").body.contains(#""streams":3"#))
    #expect(console.audit.newest.isEmpty)

    let streams = parked.matches(of: /"stream":"([^"]*)"/).map { String($0.1) }.sorted()
    #expect(streams.count == 3)
    let one = try await send(
      .post, "parked/names/retry", #"{"streams":["\#(streams[0])"]}"#)
    #expect(one.body.contains(#""outcome":"applied""#), "\(one)")
    #expect(
      try await send(.post, "parked/names/retry", #"{"streams":["\#(streams[0])"]}"#).status == 404)
    let away = try await send(
      .post, "parked/names/discard", #"{"streams":["\#(streams[1])"]}"#)
    #expect(away.body.contains(#""outcome":"discarded""#), "\(away)")
    let rest = try await send(.post, "parked/names/retry", byReason)
    #expect(rest.body.contains(#""outcome":"applied""#), "\(rest)")
    let after = try await send(.get, "parked?readModel=names").body
    #expect(after.contains(#""groups":[],"streams":[]"#), "\(after)")
    #expect(after.contains(#""outcome":"1 applied""#), "\(after)")
    // Of what was discarded, the log alone is left.
    let discarded = try #require(console.audit.newest.first { $0.what == "discard" })
    #expect(discarded.target == "names: \(streams[1]) (1 event)", "\(discarded)")
    #expect(!one.body.contains("triedBy"), "\(one)")
    #expect(try await send(.post, "parked/names/retry", "{}").status == 400)
  }
}
