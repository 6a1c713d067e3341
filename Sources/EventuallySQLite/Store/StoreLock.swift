import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The writer's role on one store: held by at most one process, and given back by the kernel whenever
/// that process ends, however it ends.
final class StoreLock: Sendable {
  private let descriptor: Int32

  /// Takes the role.
  /// - Throws: ``StoreOpenError/locked(path:owner:)`` where another process has it.
  init(storePath: String) throws(StoreOpenError) {
    let path = storePath + ".lock"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw .unreadable(path: path, cause: POSIXError(.init(rawValue: errno) ?? .EIO))
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      let owner = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
      close(descriptor)
      guard code == EWOULDBLOCK else {
        throw .unreadable(path: path, cause: POSIXError(.init(rawValue: code) ?? .EIO))
      }
      throw .locked(path: storePath, owner: owner.isEmpty ? "unknown process" : owner)
    }
    // Who holds the role is only told to people: the lock itself is what counts.
    let owner = "process \(getpid()) on \(ProcessInfo.processInfo.hostName)"
    ftruncate(descriptor, 0)
    _ = owner.withCString { pwrite(descriptor, $0, strlen($0), 0) }
  }

  deinit { close(descriptor) }
}
