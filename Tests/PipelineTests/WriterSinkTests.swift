import Eventually
import FaultScenarios
import Foundation
import Hummingbird
import Logging
import Testing

@testable import EventuallyServer
@testable import Orders

/// What an import makes of a writer's answers.
@Suite(.timeLimit(.minutes(5))) struct WriterSinkTests {
  private struct Prepared: Sendable {
    var status: HTTPResponse.Status
    var retryAfter: String?
    var location: String?
    var text = #"{"type":"/problems/x","detail":"because"}"#
  }

  private let order = OrderGenerator(seed: 1)

  /// Gives the answers in turn to whoever asks for the path, the last of them for ever, and returns when each was
  /// asked for.
  private func serving(
    _ answers: [Prepared], _ body: @Sendable (WriterSink) async throws -> Void
  ) async throws -> [ContinuousClock.Instant] {
    let asked = Locked<[ContinuousClock.Instant]>([])
    var api = API(title: "test", summary: "test")
    for (method, path) in [
      (HTTPRequest.Method.post, "/orders/{id}/commands"), (.get, "/orders/{id}/history"),
      (.get, "/store"),
    ] {
      api.add(
        API.Operation(method, path, "", answers: []) { _ in
          let count = asked.withLock { times in
            times.append(.now)
            return times.count
          }
          let answer = answers[min(count, answers.count) - 1]
          var reply = JSONResponse(answer.status) { $0.raw(answer.text.utf8) }
          reply.headers[.retryAfter] = answer.retryAfter
          reply.headers[.location] = answer.location
          return reply
        })
    }
    let folder = try Pipeline()
    let file = folder.file("url")
    let server = HTTPServer(
      api: api, listen: try #require(ListenAddress("127.0.0.1:0")), addressFile: file,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let running = Task { try await server.run() }
    defer { running.cancel() }
    try await waitUntil("the server") { FileManager.default.fileExists(atPath: file) }
    let url = try String(contentsOfFile: file, encoding: .utf8)
    let endpoint = try #require(
      HTTPEndpoint(url.trimmingCharacters(in: .whitespacesAndNewlines)))
    try await body(WriterSink(endpoint: endpoint))
    return asked.withLock { $0 }
  }

  @Test(arguments: [400, 406, 410, 413, 414, 422, 431])
  func anAnswerAboutTheInvoiceRefusesTheInvoice(status: Int) async throws {
    let answers = [Prepared(status: .init(code: status))]
    let asked = try await serving(answers) { sink in
      guard case .refused(let reason) = try await sink.place("a", order.events(1)) else {
        throw NotAsExpected("it is not refused")
      }
      #expect(reason == "\(status): because")
    }
    #expect(asked.count == 1)
  }

  /// Followed, the second one would end the process by a trap in the client.
  @Test(arguments: ["/store", "http://127.0.0.1:99999/store"])
  func noRedirectIsFollowed(location: String) async throws {
    let asked = try await serving([Prepared(status: .found, location: location)]) { sink in
      let error = await #expect(throws: Failure.self) {
        try await sink.place("a", order.events(1))
      }
      #expect(error?.description.contains("302") == true, "\(String(describing: error))")
    }
    #expect(asked.count == 1)
  }

  @Test(arguments: [401, 403, 404, 405, 500])
  func anAnswerAboutEverythingEndsTheImport(status: Int) async throws {
    _ = try await serving([Prepared(status: .init(code: status))]) { sink in
      let error = await #expect(throws: Failure.self) {
        try await sink.place("a", order.events(1))
      }
      #expect(error?.description.contains("\(status)") == true, "\(String(describing: error))")
    }
  }

  @Test func anOrderOfTheSameNumberIsTheSameOrIsNot() async throws {
    for (history, expected) in [("[]", "differs"), (nil, "refused")] {
      _ = try await serving([
        Prepared(status: .conflict),
        history.map { Prepared(status: .ok, text: $0) } ?? Prepared(status: .notFound),
      ]) { sink in
        let placement = try await sink.place("a", order.events(1))
        #expect("\(placement)".hasPrefix(expected), "\(placement)")
      }
    }
  }

  @Test func aWriterThatAsksForTimeGetsIt() async throws {
    let asked = try await serving([
      Prepared(status: .serviceUnavailable, retryAfter: "1"),
      Prepared(status: .init(code: 507)), Prepared(status: .ok),
    ]) { sink in
      guard case .placed = try await sink.place("a", order.events(1)) else {
        throw NotAsExpected("it is not placed")
      }
    }
    #expect(asked.count == 3)
    #expect(asked[1] - asked[0] >= .seconds(1))
  }

  @Test func aWriterThatIsAwayIsToldNowAndThen() {
    let start = ContinuousClock.now
    var contact = WriterContact()
    func tick(_ seconds: Double) -> WriterContact.Notice? {
      contact.tick(at: start + .seconds(seconds))
    }
    #expect(tick(0) == nil)
    contact.began(at: start)
    #expect(tick(1) == nil)
    #expect(contact.answered(at: start + .seconds(1)) == nil)
    contact.failed("refused")
    #expect(tick(2.5) == nil)
    #expect(tick(3) == .waiting(seconds: 2, reason: "refused"))
    // Others begin to wait, and give up.
    contact.began(at: start + .seconds(4))
    contact.ended()
    contact.failed("still refused")
    #expect(tick(12.9) == nil)
    #expect(tick(13) == .waiting(seconds: 12, reason: "still refused"))
    #expect(contact.answered(at: start + .seconds(20)) == .back(seconds: 19))
    contact.ended()
    // Nobody waits.
    #expect(tick(60) == nil)
    contact.began(at: start + .seconds(60))
    #expect(tick(61) == nil)
    #expect(tick(62) == .waiting(seconds: 2, reason: nil))
  }

  @Test func aSimulationSaysThatItsWriterIsAway() async throws {
    let folder = try Pipeline()
    let process = try await folder.start(
      "writer", "simulate", "--orders", "1", "--url", "http://127.0.0.1:1")
    try await waitUntil("the notice", within: .seconds(60), seen: { process.log }) {
      process.log.contains("the writer does not take commands; trying again")
    }
    #expect(process.log.contains("reason"), "\(process.log)")
    process.kill()
  }

  @Test func whatIsNoWriterIsSaidToBeNone() async throws {
    _ = try await serving([Prepared(status: .ok, text: "<html>")]) { sink in
      let error = await #expect(throws: Failure.self) { try await sink.check() }
      #expect(error?.description.contains("is no writer") == true)
    }
  }
}
