import FaultScenarios
import Foundation

/// A TCP connection on which anything can be sent, right or wrong.
final class RawConnection {
  private let descriptor: Int32
  private(set) var bytes: [UInt8] = []
  private(set) var isAtEnd = false

  /// Connects to the server of a URL, `http://127.0.0.1:port`.
  /// - Parameter receiveBuffer: how many bytes the system takes that are not read.
  init(_ url: String, receiveBuffer: Int32? = nil) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw NotAsExpected("no socket: \(errno)") }
    if var receiveBuffer {
      setsockopt(
        descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(URL(string: url)?.port ?? 0).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard code == 0 else {
      close(descriptor)
      throw NotAsExpected("\(url): \(String(cString: strerror(errno)))")
    }
  }

  deinit { close(descriptor) }

  func send(_ text: String) {
    _ = Array(text.utf8).withUnsafeBytes {
      Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Takes what has arrived.
  func receive() {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while !isAtEnd {
      let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      if count > 0 {
        bytes += buffer[..<count]
      } else {
        isAtEnd = count == 0 || errno != EAGAIN
        return
      }
    }
  }

  /// Waits for an answer that has a `Content-Length`, or for the end of the connection.
  func answer(within limit: Duration = .seconds(30), hasBody: Bool = true) async throws -> String {
    try await waitUntil("an answer", within: limit, seen: { self.text }) {
      receive()
      return isAtEnd || isWhole(hasBody)
    }
    return text
  }

  private func isWhole(_ hasBody: Bool) -> Bool {
    guard let end = text.range(of: "\r\n\r\n") else { return false }
    guard hasBody else { return true }
    let head = text[..<end.lowerBound].lowercased()
    guard let field = head.range(of: "content-length: "),
      let length = Int(head[field.upperBound...].prefix { $0.isNumber })
    else { return false }
    return text[end.upperBound...].utf8.count >= length
  }

  /// Waits until the server has closed the connection.
  func end(within limit: Duration = .seconds(30)) async throws {
    try await waitUntil("the end of a connection", within: limit, seen: { self.text }) {
      receive()
      return isAtEnd
    }
  }
}
