import Eventually
import Testing

@testable import EventuallyServer
@testable import Orders

/// The decisions of the HTTP server, without one.
@Suite struct HTTPLogicTests {
  @Test func aConnectionEndsInOrder() {
    var state = ConnectionState()
    var idle = state
    #expect(idle.stop() == .close)
    #expect(state.headReceived() && state.isReceiving && !state.isBusy)
    var receiving = state
    #expect(receiving.stop() == .failBody(.stopping) && receiving.isDeaf)
    #expect(receiving.answerEnded() == true)
    var late = state
    #expect(late.bodyIsLate() == .failBody(.tooSlow))
    #expect(!late.headReceived() && late.answerEnded())
    state.endReceived()
    #expect(state.isBusy && state.bodyIsLate() == .nothing)
    var answering = state
    #expect(answering.stop() == .nothing)
    #expect(!answering.headReceived() && answering.answerEnded())
    #expect(!state.answerEnded() && !state.isBusy)
    // An answer that did not wait for the body, which then does not come.
    #expect(state.headReceived() && !state.answerEnded())
    #expect(state.bodyIsLate() == .close)
  }

  @Test func aClientThatSaysItIsDoneGetsTheLastAnswerAndIsClosed() {
    var state = ConnectionState()
    #expect(state.headReceived() == true)
    state.endReceived()
    #expect(state.headReceived(isLast: true) && state.isReceiving && !state.isLastAnswer)
    state.endReceived()
    // What it sends all the same is passed over, and no error.
    #expect(state.isDeaf && !state.headReceived() && state.failed() == .nothing)
    #expect(!state.answerEnded() && state.isLastAnswer && state.answerEnded())
    var late = ConnectionState()
    #expect(late.headReceived(isLast: true) && late.bodyIsLate() == .failBody(.tooSlow))
    #expect(late.isLastAnswer && late.answerEnded())
  }

  /// The feed has an event a line: names and texts of metadata may hold line ends, and whatever separates them elsewhere.
  @Test func theFeedKeepsMetadataOfAnyName() throws {
    let names = [
      "a=b", "a&b", "a\nb", "a\r\nb: c", "100%", "%3D", "é\u{301}", "日本", "\"\\", "\u{0}", "",
    ]
    let record = EventRecord(
      id: EventID(high: 1, low: 2), type: "Text", streamID: "s",
      position: EventPosition(
        partition: 1, partitionOffset: 2, sequenceNumber: 3, version: 1),
      time: Timestamp(microseconds: 5), payload: Array("{}".utf8),
      metadata: EventMetadata(
        correlationID: "c=1&d\n%20é", causationID: "e", traceParent: "t",
        additional: Dictionary(uniqueKeysWithValues: names.map { ($0, "<\($0)>=\($0)\n") })))
    var json = JSONWriter()
    RecordJSON.write(record, &json)
    #expect(!json.bytes.contains(UInt8(ascii: "\n")))
    #expect(try RecordJSON.record(json.bytes.span) == record)
  }

  @Test func whatIsNotHTTPIsAnsweredByWhoeverWould() {
    var idle = ConnectionState()
    #expect(idle.failed() == .refuse && idle.failed() == .nothing)
    var receiving = ConnectionState()
    #expect(receiving.headReceived() && receiving.failed() == .passError)
    #expect(receiving.answerEnded() == true)
    // The second of two is malformed: the first is answered, and says that it is the last.
    var pipelined = ConnectionState()
    #expect(pipelined.headReceived() == true)
    pipelined.endReceived()
    #expect(pipelined.failed() == .passError && pipelined.isLastAnswer && pipelined.answerEnded())
  }

  @Test(arguments: [
    "http://127.0.0.1:0", "http://127.0.0.1:65536", "http://127.0.0.1:99999", "http://:80",
    "http://", "http://host:80?x=1", "http://host/#x", "ftp://host", "host:80", "",
  ])
  func anAddressThatNothingCanListenOnIsNone(text: String) {
    #expect(HTTPEndpoint(text) == nil)
  }

  @Test(arguments: [
    "http://127.0.0.1:1", "https://host:65535/", "http://host", "http://[::1]:80", "http://h/a/b",
  ])
  func anAddressMayHaveAPortAndAPath(text: String) {
    #expect(HTTPEndpoint(text) != nil)
  }

  @Test func aBudgetIsNeverExceededAndComesBack() {
    let budget = Budget(10)
    let first = budget.share()
    #expect(first?.grow(by: 8) == true && first?.grow(by: 2) == false && budget.inUse == 9)
    var second = budget.share()
    #expect(second != nil && budget.share() == nil)
    second = nil
    #expect(budget.inUse == 9)
    withExtendedLifetime(first) {}
    #expect(Budget(0).share() == nil)
  }

  @Test func largeLoadsFitAndKeepTheirOrder() {
    let seed = UInt64.random(in: 1...999_999)
    var random = SeededRandom(seed: seed)
    var queue = LoadQueue(capacity: 100)
    var inside: [Int] = []
    var waiting: [(LoadQueue.Ticket, Int)] = []
    func admitted(_ tickets: [LoadQueue.Ticket]) {
      for ticket in tickets {
        // Only the first of those who wait.
        #expect(waiting.first?.0 == ticket, "seed \(seed)")
        inside.append(waiting.removeFirst().1)
      }
    }
    for _ in 0..<20_000 {
      switch random.next() % 5 {
      case 0, 1:
        let weight = Int(random.next() % 130)
        if let ticket = queue.enter(weight) {
          waiting.append((ticket, weight))
        } else {
          #expect(waiting.isEmpty, "seed \(seed)")
          inside.append(weight)
        }
      case 2, 3:
        guard !inside.isEmpty else { continue }
        let weight = inside.remove(at: Int(random.next() % UInt64(inside.count)))
        admitted(queue.leave(weight))
      default:
        guard !waiting.isEmpty else { continue }
        let (ticket, _) = waiting.remove(at: Int(random.next() % UInt64(waiting.count)))
        let (waited, tickets) = queue.giveUp(ticket)
        #expect(waited && !queue.giveUp(ticket).waited, "seed \(seed)")
        admitted(tickets)
      }
      let used = inside.reduce(0) { $0 + queue.counted($1) }
      #expect(queue.used == used && used <= 100, "seed \(seed)")
      // Nobody waits who would fit.
      if let first = waiting.first {
        #expect(queue.counted(first.1) > 100 - used, "seed \(seed)")
      }
    }
  }

  @Test func whoWaitsTooLongForALargeLoadIsToldToComeAgain() async throws {
    let gate = LoadGate(capacity: 10, patience: .milliseconds(50))
    var pass: LoadGate.Pass? = try await gate.enter(10)
    await #expect(throws: Overloaded.self) { _ = try await gate.enter(1) }
    let cancelled = Task { try await gate.enter(1) }
    cancelled.cancel()
    await #expect(throws: (any Error).self) { _ = try await cancelled.value }
    #expect(pass != nil)
    pass = nil
    _ = try await gate.enter(100)
    _ = try await gate.enter(1)
  }
}
