import ArgumentParser
import Eventually
import Foundation

/// Clients that create orders over HTTP at a steady rate, and each time ask the read model for the change.
///
/// What is measured is the time from when the request was due to when a query that carries the command's token is answered.
struct PacedOrdersChild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "paced-orders", shouldDisplay: false)
  @Argument var writerPort: UInt16
  @Argument var projectorPort: UInt16
  @Argument var rate: Int
  @Argument var seconds: Int

  private struct Seen {
    var next = 0
    var visible: [Double] = []
    var failure: String?
    var running = 0
  }

  func run() async throws {
    let total = rate * seconds
    // What a worker consumes first takes it half a second: that is measured elsewhere.
    try place("warm-up", Connection(port: writerPort), Connection(port: projectorPort))
    let start = monotonic() + 0.1
    let seen = Locked(Seen())
    let clients = min(256, max(8, rate / 10))
    for _ in 0..<clients {
      seen.withLock { $0.running += 1 }
      let thread = Thread { [self] in
        do {
          let writer = try Connection(port: writerPort)
          let projector = try Connection(port: projectorPort)
          while let number = take(seen, total) {
            let due = start + Double(number) / Double(rate)
            let early = due - monotonic()
            if early > 0 { usleep(UInt32(early * 1_000_000)) }
            try place("\(number)", writer, projector)
            let end = monotonic()
            seen.withLock { $0.visible.append(end - due) }
          }
        } catch {
          seen.withLock { $0.failure = "\(error)" }
        }
        seen.withLock { $0.running -= 1 }
      }
      thread.stackSize = 256 << 10
      thread.start()
    }
    while seen.withLock({ $0.running }) > 0 { try await Task.sleep(for: .milliseconds(10)) }
    let (visible, failure) = seen.withLock { ($0.visible, $0.failure) }
    if let failure { throw BenchError(failure) }
    try Measured(count: total, seconds: monotonic() - start, calls: visible).report()
  }

  /// Places an order, and asks for it.
  private func place(_ number: String, _ writer: Connection, _ projector: Connection) throws {
    let answer = try writer.request(
      "POST /orders/bench-\(getpid())-\(number)/create",
      body: #"{"country":"France","customer":"c\#(number.count)"}"#)
    guard let token = answer.value(after: "eventually-token: ") else {
      throw BenchError("no token: \(answer.prefix(300))")
    }
    _ = try projector.request("GET /sales?after=\(token)&wait=10", body: nil)
  }

  private func take(_ seen: borrowing Locked<Seen>, _ total: Int) -> Int? {
    seen.withLock { seen in
      guard seen.next < total, seen.failure == nil else { return nil }
      defer { seen.next += 1 }
      return seen.next
    }
  }
}

/// One connection to a server on this machine, which waits for each answer.
private final class Connection {
  private let socket: Int32
  private var buffer = [UInt8](repeating: 0, count: 65536)

  init(port: UInt16) throws {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw BenchError("port \(port) can't be connected to") }
    var one: Int32 = 1
    setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
  }

  deinit { close(socket) }

  /// Sends a request and reads its answer, which must be a success.
  func request(_ line: String, body: String?) throws -> String {
    let text =
      "\(line) HTTP/1.1\r\nhost: localhost\r\n"
      + (body.map {
        "content-length: \($0.utf8.count)\r\ncontent-type: application/json\r\n\r\n\($0)"
      }
        ?? "\r\n")
    let bytes = Array(text.utf8)
    guard send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
      throw BenchError("a request could not be sent")
    }
    var received = 0
    while true {
      let count = buffer.withUnsafeMutableBytes { bytes in
        let free = UnsafeMutableRawBufferPointer(rebasing: bytes[received...])
        return recv(socket, free.baseAddress, free.count, 0)
      }
      guard count > 0 else { throw BenchError("the server closed a connection") }
      received += count
      let answer = String(decoding: buffer[..<received], as: UTF8.self)
      guard let end = answer.range(of: "\r\n\r\n") else { continue }
      let length = Int(answer.lowercased().value(after: "content-length: ") ?? "0") ?? 0
      if answer[end.upperBound...].utf8.count < length { continue }
      guard answer.hasPrefix("HTTP/1.1 2") else { throw BenchError(answer) }
      return answer
    }
  }
}

extension String {
  /// The rest of the line after some words.
  fileprivate func value(after words: String) -> Substring? {
    guard let range = range(of: words) else { return nil }
    return self[range.upperBound...].prefix { $0 != "\r" && $0 != "\r\n" && $0 != "\n" }
  }
}
