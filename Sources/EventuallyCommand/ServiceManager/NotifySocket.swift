import Eventually
import Foundation
import Logging

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The socket of the service manager that started this process.
///
/// Only Linux has such a service manager; elsewhere there is none to tell.
struct NotifySocket: Sendable {
  private let path: [UInt8]
  private let logger: Logger
  private let hasFailed = LastFailure()

  /// Whether the last message could not be sent: that is logged once, and not with each message.
  private final class LastFailure: Sendable {
    let isKnown = Locked(false)
  }

  /// The socket that `NOTIFY_SOCKET` names: a path, or, after `@`, an abstract name.
  /// - Returns: `nil` where there is none, or of another kind.
  init?(environment: [String: String], logger: Logger) {
    guard let name = environment["NOTIFY_SOCKET"], !name.isEmpty else { return nil }
    var path = [UInt8](name.utf8)
    guard name.hasPrefix("/") || name.hasPrefix("@"), path.count < Self.longest else {
      logger.warning(
        "the service manager is told nothing: its socket is neither a path nor an abstract name",
        metadata: ["socket": "\(name)"])
      return nil
    }
    if name.hasPrefix("@") { path[0] = 0 }
    self.path = path
    self.logger = logger
  }

  #if os(Linux)
    private static let longest = MemoryLayout.size(ofValue: sockaddr_un().sun_path)

    /// Sends a message; it never waits.
    /// - Returns: whether it was sent.
    func send(_ notification: ServiceNotification) -> Bool {
      let problem = problem(sending: [UInt8](notification.text.utf8))
      hasFailed.isKnown.withLock { isKnown in
        if let problem, !isKnown {
          logger.warning("the service manager can't be told", metadata: ["error": "\(problem)"])
        }
        isKnown = problem != nil
      }
      return problem == nil
    }

    private func problem(sending bytes: [UInt8]) -> String? {
      #if canImport(Glibc)
        let kind = SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue
      #else
        let kind = SOCK_DGRAM | SOCK_CLOEXEC
      #endif
      let descriptor = socket(AF_UNIX, Int32(kind), 0)
      guard descriptor >= 0 else { return String(cString: strerror(errno)) }
      defer { close(descriptor) }
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
      // An abstract name is as long as it is told to be; a path ends with a zero.
      let length = MemoryLayout<sa_family_t>.size + path.count + (path[0] == 0 ? 0 : 1)
      let count = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
          sendto(
            descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT), address,
            socklen_t(length))
        }
      }
      return count == bytes.count ? nil : String(cString: strerror(errno))
    }
  #else
    private static let longest = 0

    func send(_ notification: ServiceNotification) -> Bool { false }
  #endif
}
