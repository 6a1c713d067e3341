import Foundation

@testable import EventuallyServer

/// Connections that are opened without waiting for any of them, faster than a server takes them.
final class Flood {
  private var descriptors: [Int32] = []
  private var address = sockaddr_in()

  /// - Parameter url: `http://127.0.0.1:port`.
  init(_ url: String) {
    _ = DescriptorLimit.raise(to: 8192)
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(URL(string: url)?.port ?? 0).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
  }

  deinit {
    for descriptor in descriptors { close(descriptor) }
  }

  /// Opens one more, and sends something where it is open already.
  func open(sending text: String? = nil) {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_INET, kind, 0)
    guard descriptor >= 0 else { return }
    descriptors.append(descriptor)
    _ = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if let text {
      _ = Array(text.utf8).withUnsafeBytes {
        send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
    }
  }

  /// How many of the first connections the server has closed.
  func closed(ofFirst count: Int) -> Int {
    descriptors.prefix(count).count { descriptor in
      var byte: UInt8 = 0
      let received = recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT | MSG_PEEK))
      return received == 0 || (received < 0 && errno != EAGAIN)
    }
  }
}
