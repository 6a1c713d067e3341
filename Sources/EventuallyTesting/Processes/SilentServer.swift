import Foundation

/// A port of this machine where connections are taken and nothing is ever said.
package final class SilentServer: Sendable {
  /// Where it is.
  package let port: UInt16
  private let descriptor: Int32

  /// Listens at a port that nobody uses.
  package init() throws {
    descriptor = socket(AF_INET, PostgresServer.streamSocket, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let (descriptor, length) = (descriptor, size)
    let isListening = withUnsafeMutablePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 16) == 0
          && getsockname(descriptor, $0, &size) == 0
      }
    }
    guard isListening else { throw ScenarioFailure("there is no free port") }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    port = UInt16(bigEndian: address.sin_port)
  }

  deinit { close(descriptor) }

  /// How many have connected since this was asked last.
  package func connections() -> Int {
    var count = 0
    while case let accepted = accept(descriptor, nil, nil), accepted >= 0 {
      close(accepted)
      count += 1
    }
    return count
  }
}
