import EventuallyTesting
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A network interface whose packets this process reads and writes. It is gone when this is.
final class Tunnel: Sendable {
  let name: String
  let descriptor: Int32

  /// Makes one in the network namespace of this process.
  init() throws {
    let descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw ScenarioFailure("/dev/net/tun: \(Self.lastError)") }
    // struct ifreq: a name, which the kernel completes, and flags: packets alone (IFF_TUN | IFF_NO_PI).
    var request = [UInt8](repeating: 0, count: 40)
    request.replaceSubrange(0..<6, with: "evnt%d".utf8)
    request.withUnsafeMutableBytes { $0.storeBytes(of: 0x1001, toByteOffset: 16, as: UInt16.self) }
    // TUNSETIFF
    let code = request.withUnsafeMutableBytes { bytes in
      bytes.baseAddress.map { ioctl(descriptor, 0x4004_54CA, $0) } ?? -1
    }
    guard code == 0 else {
      let error = Self.lastError
      close(descriptor)
      throw ScenarioFailure("a tunnel can't be made: \(error)")
    }
    self.descriptor = descriptor
    name = String(decoding: request.prefix { $0 != 0 }, as: UTF8.self)
  }

  deinit { close(descriptor) }

  /// The next packet that came out of the interface; `nil` where none is there.
  func receive(into buffer: inout [UInt8]) -> [UInt8]? {
    let capacity = buffer.count
    let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, capacity) }
    return count > 0 ? Array(buffer.prefix(count)) : nil
  }

  /// Has a packet come in. One that the kernel does not take is lost, as on any network.
  func send(_ packet: [UInt8]) {
    _ = packet.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  }

  private static var lastError: String { String(cString: strerror(errno)) }
}
