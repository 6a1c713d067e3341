import Eventually
import FaultScenarios
import Foundation
import Logging
import Testing
import Tracing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@testable import EventuallyServer

/// Collectors of traces that take none: nothing waits for them, and what they do not get is dropped and counted.
@Suite(.serialized, .timeLimit(.minutes(5))) struct TraceCollectorTests {
  enum Collector: String, CaseIterable {
    /// Nobody listens.
    case dead
    /// It takes requests, and answers none.
    case hanging
    /// It begins its answers, and ends none.
    case endless
    /// It answers 500.
    case failing

    /// - Returns: its URL, and what is to live as long as it does.
    func begin() throws -> (url: String, Listener) {
      let listener =
        switch self {
        case .dead: try Listener(answer: nil)
        case .hanging: try Listener(answer: "")
        case .endless:
          try Listener(answer: "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n{")
        case .failing:
          try Listener(
            answer: "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
        }
      if self == .dead { listener.stop() }
      return ("http://127.0.0.1:\(listener.port)/v1/traces", listener)
    }
  }

  /// Of 30,000 spans at once, those that fit wait, and all are counted in the end.
  @Test(arguments: Collector.allCases)
  func nothingWaitsForIt(_ collector: Collector) async throws {
    let (url, listener) = try collector.begin()
    defer { listener.stop() }
    let exporter = SpanExporter(
      SpanCollector(endpoint: try #require(HTTPEndpoint(url)), resource: []),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    exporter.begin()
    let start = ContinuousClock.now
    for _ in 0..<30_000 {
      exporter.add(
        FinishedSpan(
          name: "x", kind: .internal, identity: W3CIdentity(in: nil, sampling: .all),
          parentID: nil, start: 0))
    }
    // Whoever waited for the collector would do so for ten seconds a batch.
    #expect(ContinuousClock.now - start < .seconds(60))
    let ending = ContinuousClock.now
    await exporter.end(within: .seconds(1))
    // It waited ten seconds for each of the batches, else.
    #expect(ContinuousClock.now - ending < .seconds(60))
    // What is being sent when the time is up may take as long as a request may.
    try await waitUntil(
      "all spans are counted", within: .seconds(30), seen: { "\(exporter.counts)" }
    ) {
      exporter.counts.lost.values.reduce(0, +) == 30_000
    }
    #expect(exporter.counts.sent == 0)
    let lost = exporter.counts.lost
    if collector == .failing {
      #expect(lost[.refused, default: 0] > 0, "\(lost)")
    } else {
      // One batch is on its way besides.
      #expect(lost[.full, default: 0] >= 30_000 - 8192 - 512, "\(lost)")
    }
  }

  /// A writer carries commands out, says how many spans were lost, and stops when it is told to.
  @Test(arguments: Collector.allCases)
  func aWriterDoesItsWorkWithoutIt(_ collector: Collector) async throws {
    let pipeline = try Pipeline()
    try await pipeline.startBroker()
    let (url, listener) = try collector.begin()
    defer { listener.stop() }
    let base = url.replacing("/v1/traces", with: "")
    let writer = try await pipeline.startWriter("--partitions", "4", "--otlp-endpoint", base)
    var text = ""
    var seed = 0
    let lost = /eventually_trace_spans_lost_total\{reason="[a-z]+"\} [1-9]/
    try await waitUntil("spans are lost", within: .seconds(120), seen: { text }) {
      seed += 1
      let (code, output) = try await pipeline.run(
        "writer", "simulate", "--url", writer.base, "--orders", "200", "--seed", "\(seed)")
      #expect(code == 0, "\(output)")
      text = try await writer.text("/metrics").body
      return text.contains(lost)
    }
    #expect(!text.contains("eventually_trace_spans_sent_total"), "\(text)")
    let end = ContinuousClock.now
    #expect(try await pipeline.writer?.stop() == 0)
    #expect(ContinuousClock.now - end < .seconds(40))
  }
}

/// Listens at a free port, and answers each request with the same bytes.
final class Listener: Sendable {
  let port: UInt16
  private let descriptor: Int32
  /// The connections that have come; `nil` once it is closed.
  private let connections = Locked<[Int32]?>([])

  private struct NoListener: Error {}

  /// - Parameter answer: nobody takes connections where it is `nil`; they are not answered where it is empty.
  init(answer: String?) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { [descriptor] pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 64) == 0
          && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard isBound else { throw NoListener() }
    port = UInt16(bigEndian: address.sin_port)
    guard let answer else { return }
    Thread.detachNewThread { [self] in takeConnections(Array(answer.utf8)) }
  }

  private func takeConnections(_ answer: [UInt8]) {
    while true {
      let connection = accept(descriptor, nil, nil)
      guard connection >= 0 else { return }
      let isOpen = connections.withLock { open in
        open?.append(connection)
        return open != nil
      }
      guard isOpen else { return }
      Thread.detachNewThread { Self.answer(connection, answer) }
    }
  }

  /// Answers whenever a request is likely to have come whole.
  private static func answer(_ connection: Int32, _ answer: [UInt8]) {
    var limit = timeval(tv_sec: 0, tv_usec: 100_000)
    setsockopt(
      connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var hasRequest = false
    while true {
      let count = recv(connection, &buffer, buffer.count, 0)
      if count > 0 {
        hasRequest = true
      } else if count < 0, errno == EAGAIN || errno == EINTR {
        guard hasRequest else { continue }
        hasRequest = false
        if !answer.isEmpty {
          _ = send(connection, answer, answer.count, Int32(MSG_NOSIGNAL))
        }
      } else {
        return
      }
    }
  }

  /// Nobody listens any more, and all connections end. Their descriptors stay, so that no other socket has the number of one that a
  /// thread still reads from.
  func stop() {
    guard let open = connections.withLock({ $0.take() }) else { return }
    shutdown(descriptor, Int32(SHUT_RDWR))
    for connection in open { shutdown(connection, Int32(SHUT_RDWR)) }
  }
}
