import Eventually
import EventuallySQLite
import Foundation
import HTTPTypes
import Logging
import ServiceLifecycle
import Testing

@testable import EventuallyServer

/// The event feed as Server-Sent Events, without a server.
@Suite(.timeLimit(.minutes(5))) struct EventStreamTests {
  private func stream(
    _ bank: TestWriter, _ scope: LogScope = .store, after: UInt64 = 0,
    heartbeat: Duration = .seconds(60)
  ) throws -> ServerSentEvents<EventStream> {
    ServerSentEvents(
      EventStream(
        log: bank.writer.store.log, head: bank.writer.store.head, scope: scope, after: after),
      place: try #require(Budget(1).share()), heartbeat: heartbeat)
  }

  private func next(_ stream: inout ServerSentEvents<EventStream>) async throws -> String {
    var json = JSONWriter()
    let goesOn = try await stream.writeNext(&json)
    #expect(goesOn == true)
    return String(decoding: json.bytes, as: UTF8.self)
  }

  @Test func whatThereIsComesFirstAndThenEachEventAsItIsAppended() async throws {
    let bank = try await TestWriter(Bank())
    #expect(try await bank.post("/accounts/a/open", #"{"owner":"a\nb"}"#).status == 200)
    var stream = try stream(bank)
    #expect(try await next(&stream) == "retry: 1000\n\n")
    let first = try await next(&stream)
    #expect(first.hasPrefix("id: 1\ndata: {\"id\":\"") && first.hasSuffix("}\n\n"), "\(first)")
    #expect(first.filter { $0 == "\n" }.count == 3, "\(first)")
    let waiting = Task { [stream] in
      var stream = stream
      // It is woken with nothing in hand, and then reads.
      let pieces = [try await next(&stream), try await next(&stream)]
      return pieces.joined()
    }
    #expect(try await bank.post("/accounts/a/pay-in", #"{"cents":5}"#).status == 200)
    let second = try await waiting.value
    #expect(second.hasPrefix("id: 2\ndata: {") && second.contains("deposited"), "\(second)")
  }

  @Test func aStreamOfPartitionsGoesOnPastOthersEvents() async throws {
    let bank = try await TestWriter(Bank())
    for number in 0..<20 {
      #expect(try await bank.post("/accounts/\(number)/open", #"{"owner":"a"}"#).status == 200)
    }
    var seen: [UInt64] = []
    for partition in 0..<4 as Range<Partition> {
      var stream = try stream(bank, .partitions([partition]), heartbeat: .milliseconds(1))
      _ = try await next(&stream)
      let text = try await next(&stream) + next(&stream)
      seen += text.matches(of: /id: ([0-9]+)\n/).compactMap { UInt64($0.1) }
    }
    #expect(seen.sorted() == Array(1...20))
  }

  @Test func aStreamWithoutEventsSaysThatItIsThere() async throws {
    let bank = try await TestWriter(Bank())
    var stream = try stream(bank, heartbeat: .milliseconds(1))
    _ = try await next(&stream)
    for _ in 0..<3 { #expect(try await next(&stream) == ": still here\n\n") }
  }

  @Test func aStreamEndsWithItsProcess() async throws {
    let bank = try await TestWriter(Bank())
    try await withThrowingTaskGroup(of: Bool.self) { group in
      let trigger = PositionSignal(at: 0)
      let service = StreamService(stream: try stream(bank), begun: trigger)
      let services = ServiceGroup(
        configuration: .init(
          services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
          logger: .init(label: "test")))
      group.addTask {
        try await services.run()
        return true
      }
      await trigger.wait(past: 0)
      let begun = ContinuousClock.now
      await services.triggerGracefulShutdown()
      #expect(try await group.next() == true)
      #expect(ContinuousClock.now - begun < .seconds(20))
    }
  }

  private struct StreamService: Service {
    var stream: ServerSentEvents<EventStream>
    let begun: PositionSignal

    func run() async throws {
      var stream = stream
      var json = JSONWriter()
      _ = try await stream.writeNext(&json)
      begun.advance(to: 1)
      while try await stream.writeNext(&json) {}
    }
  }

  @Test func viewersAreBounded() async throws {
    var limits = ServerLimits()
    limits.viewers = 2
    let bank = try await TestWriter(Bank(), limits: limits)
    func open(_ headers: HTTPFields = [:]) async -> JSONResponse {
      var headers = headers
      headers[.accept] = "text/event-stream"
      return await bank.api.answer(APIRequest(.get, "/events", headers: headers))
    }
    do {
      let viewers = [await open(), await open()]
      #expect(viewers.allSatisfy { $0.status == .ok && $0.contentType == "text/event-stream" })
      let refused = await open()
      #expect(refused.status == .serviceUnavailable && refused.fields[.retryAfter] == "1")
      withExtendedLifetime(viewers) {}
    }
    #expect(await open().status == .ok, "the places were not given back")
    let name = try #require(HTTPField.Name("last-event-id"))
    for (id, status) in [("7", 200), ("", 400), ("x", 400), ("-1", 400)] {
      #expect(await open([name: id]).status.code == status, "\(id)")
    }
  }
}
