import Eventually
import Foundation
import HTTPTypes
import Logging
import Testing

@testable import EventuallyServer

/// All routes of the console that tell something of events or rows leave out what is masked.
@Suite struct MaskedRoutesTests {
  /// Routes that tell nothing of payloads, states or rows.
  private static let others: Set<String> = [
    "about", "session", "overview", "charts", "writer", "find", "streams", "streams/{}",
    "event-types",
    "read-models", "read-models/{}", "read-models/{}/replays", "read-models/{}/live",
    "read-models/{}/switch",
    "events/{}/topic", "read-models/{}/generations/{}", "read-models/{}/savepoints",
    "read-models/{}/savepoints/{}",
    // What the application's queries tell is theirs: they are asked elsewhere too.
    "query/{}",
  ]

  /// How each of the others is asked, with the id of an event in place of `EVENT`; each of them tells administrators the secret.
  private static let asked: [String: [String]] = [
    "streams/{}/events": ["streams/account%2Fa/events", "streams/customer%2Fa/events"],
    "streams/{}/state": [
      "streams/account%2Fa/state?version=1", "streams/customer%2Fa/state",
      "streams/account%2Fa/state?time=2126-01-01T00:00:00Z",
    ],
    "read-models/{}/rows": [
      "read-models/owners/rows", "read-models/owners/rows?search=a",
      "read-models/owners/rows?order=cents&down=true",
    ],
    "read-models/{}/rows.csv": ["read-models/owners/rows.csv"],
    "events/{}": ["events/EVENT"],
    "events/{}/payload": ["events/EVENT/payload"],
  ]

  /// Routes that tell of parked events and of replays: asked too, though nothing is parked or replayed here.
  private static let quiet: [String: [String]] = [
    "parked": ["parked"], "parked/{}/{}": ["parked/owners/account%2Fa"],
    "parked/{}/retry": [], "parked/{}/discard": [], "read-models/{}/replay": [],
  ]

  private static func pattern(_ operation: API.Operation) -> String? {
    guard operation.path.hasPrefix("/console/api/") else { return nil }
    return API.Operation.pattern(String(operation.path.dropFirst("/console/api/".count)))
      .map { $0.map(String.init) ?? "{}" }.joined(separator: "/")
  }

  private func console() async throws -> (console: Console, bank: TestWriter) {
    let bank = try await TestWriter(Bank())
    let opened = try await bank.post("/accounts/a/open", #"{"owner":"SECRET"}"#)
    #expect(opened.status == 200)
    #expect(try await bank.post("/accounts/a/pay-in", #"{"cents":5}"#).status == 200)
    #expect(try await bank.post("/customers/a/register", #"{"name":"SECRET"}"#).status == 200)
    _ = try await bank.queries(of: "owners")
    var api = bank.api
    api.console.readModels = .folder("\(bank.folder)/read-models")
    api.console.questionLimit = .seconds(60)
    try api.console.mask(
      members: ["account.owner", "customer.name"], columns: ["owners.name"],
      of: bank.writer.application)
    let console = try #require(
      Console(of: api, isLoopback: true, isEncrypted: false, logger: Logger(label: "test")))
    return (console, bank)
  }

  @Test func everyRouteIsHeldAgainstIt() async throws {
    let (console, bank) = try await console()
    defer { withExtendedLifetime(bank) {} }
    for operation in console.routes.operations {
      guard let pattern = Self.pattern(operation) else { continue }
      #expect(
        Self.others.contains(pattern) || Self.asked[pattern] != nil || Self.quiet[pattern] != nil,
        "does '\(pattern)' tell of payloads, states or rows? Say so here")
    }
  }

  @Test func nothingMaskedIsTold() async throws {
    let (console, bank) = try await console()
    let record = try await bank.writer.store.log.records(after: 0, limit: 1).first
    let event = try #require(record).id.description
    let routes = RouteTable(console.routes.operations)
    func ask(_ path: String, as role: AccessRole) async throws -> String? {
      let target = "/console/api/\(path.replacing("EVENT", with: event))"
      var request = APIRequest(.get, target)
      request.asker.role = role
      let pathOnly = request.pathOnly
      // A route that this console does not have yet.
      guard let route = routes.route(at: pathOnly) else { return nil }
      let operation = try RouteTable.operation(.get, of: route, at: pathOnly)
      guard Self.pattern(operation) != nil else { return nil }
      request.pathParameters = operation.match(pathOnly.split(separator: "/")) ?? [:]
      let body = try await operation.handler(request).wholeBody()
      return String(decoding: body, as: UTF8.self)
    }
    for path in Self.asked.values.joined() {
      guard let all = try await ask(path, as: .administer) else { continue }
      #expect(all.contains("SECRET"), "\(path): \(all)")
      for role in [AccessRole.read, .write] {
        let answer = try await ask(path, as: role)
        #expect(answer?.contains("SECRET") == false, "\(path): \(answer as Any)")
        let base64 = Data("SECRET".utf8).base64EncodedString().dropLast(2)
        #expect(answer?.contains(base64) == false, "\(path): \(answer as Any)")
      }
    }
    for path in Self.quiet.values.joined() {
      let answer = try await ask(path, as: .read)
      #expect(answer?.contains("SECRET") != true, "\(path): \(answer as Any)")
    }
    // Nor is it found by what it is.
    let found = try await ask("read-models/owners/rows?search=secret", as: .read)
    #expect(found?.contains(#""rows":[]"#) == true, "\(found as Any)")
    await #expect(throws: RequestError.self) {
      try await ask("read-models/owners/rows?order=name", as: .read)
    }
  }
}
