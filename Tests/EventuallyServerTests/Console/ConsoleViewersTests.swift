import AsyncHTTPClient
import Eventually
import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import Testing

@testable import EventuallyServer

/// Pages that follow a topic, and one that reads nothing.
@Suite(.timeLimit(.minutes(5))) struct ConsoleViewersTests {
  private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  @Test func aViewerThatReadsNothingIsCutOffAndHoldsNobodyUp() async throws {
    let hub = ConsoleHub(Self.quiet)
    let produced = Locked(0)
    var api = API(title: "test", summary: "test")
    // The one that reads may be slow, too, on a busy machine.
    api.limits.stalledWrite = .seconds(5)
    let places = Budget(10)
    api.add(
      API.Operation(.get, "/topic", "", role: .anyone, answers: []) { _ in
        let topic = ConsoleTopic(name: "large", event: "frame", interval: .milliseconds(100)) {
          let number = produced.withLock { number in
            number += 1
            return number
          }
          // More than the system takes for a client that reads nothing, after a few.
          return ConsoleFrame(
            Array("[\(number),\"".utf8) + Array(repeating: 0x61, count: 1 << 20)
              + Array("\"]".utf8))
        }
        return try await JSONResponse(
          beats: FrameSource(await hub.join(topic), last: nil),
          place: #require(places.share()))
      })
    try await ConsoleServer.serving(api, hasTokens: false) { server async throws -> Void in
      // Its body is not asked for: the client stops reading.
      let slow = try await server.open(.GET, "/topic", headers: ["accept": "text/event-stream"])
      let begun = ContinuousClock.now
      // A frame has four lines.
      var (lines, whenCut) = (0, Int?.none)
      let fast = try await server.open(.GET, "/topic", headers: ["accept": "text/event-stream"])
      for try await part in fast.body {
        lines += part.readableBytesView.count { $0 == 0x0A }
        if whenCut == nil, await hub.viewerCount == 1 { whenCut = lines }
        if let whenCut, lines >= whenCut + 8 { break }
        if ContinuousClock.now - begun > .seconds(120) { break }
      }
      let time = ContinuousClock.now - begun
      let cut = try #require(whenCut, "the slow viewer is still there after \(time)")
      #expect(lines >= cut + 8, "the fast viewer had \(lines - cut) lines after that, in \(time)")
      withExtendedLifetime(slow) {}
    }
  }

  @Test func manyViewersOfATopicShareOneProducer() async throws {
    let hub = ConsoleHub(Self.quiet)
    let produced = Locked(0)
    let topic = ConsoleTopic(name: "count", event: "frame", interval: .milliseconds(50)) {
      let number = produced.withLock { number in
        number += 1
        return number
      }
      return ConsoleFrame(Array("\(number)".utf8))
    }
    var viewers: [LiveViewer] = []
    for _ in 0..<200 { viewers.append(await hub.join(topic)) }
    let begun = ContinuousClock.now
    for viewer in viewers { await viewer.mailbox.wait() }
    while produced.withLock({ $0 }) < 10 { try await Task.sleep(for: .milliseconds(5)) }
    let elapsed = ContinuousClock.now - begun
    let most = Int(elapsed / .milliseconds(50)) + 2
    #expect(produced.withLock { $0 } <= most, "\(produced.withLock { $0 }) in \(elapsed)")
    // Each has the newest frame or the one before, and no other.
    let newest = produced.withLock { $0 }
    let texts = Set(
      viewers.compactMap { viewer -> String? in
        guard case .success(let frame)? = viewer.mailbox.take() else { return nil }
        return String(decoding: frame.event.bytes, as: UTF8.self)
      })
    #expect(texts.count <= 2, "\(texts), the newest is \(newest)")
  }

  @Test func aTopicThatFailsEndsItsViewersAndIsTriedAgainForTheNext() async throws {
    struct Away: Error {}
    let hub = ConsoleHub(Self.quiet)
    let isAway = Locked(true)
    let topic = ConsoleTopic(name: "a", event: "frame", interval: .milliseconds(10)) {
      if isAway.withLock({ $0 }) { throw Away() }
      return ConsoleFrame(Array("1".utf8))
    }
    let first = await hub.join(topic)
    await first.mailbox.wait()
    var events = EventWriter()
    var source = FrameSource(first, last: nil)
    #expect(try await source.write(&events) == .end)
    isAway.withLock { $0 = false }
    let second = await hub.join(topic)
    await second.mailbox.wait()
    source = FrameSource(second, last: nil)
    #expect(try await source.write(&events) == .something)
    #expect(String(decoding: events.bytes, as: UTF8.self).hasSuffix("event: frame\ndata: 1\n\n"))
    // Whoever has had it already is not told again.
    let third = await hub.join(topic)
    await third.mailbox.wait()
    source = FrameSource(third, last: ConsoleFrame(Array("1".utf8)).tag.value)
    #expect(try await source.write(&events) == .nothing)
  }
}
