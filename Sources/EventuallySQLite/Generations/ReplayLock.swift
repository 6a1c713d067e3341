import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The right to replay a read model: held by at most one process, and given back by the kernel however that ends.
final class ReplayLock: ReplayRight {
  private let path: String
  private let descriptor: Int32

  /// Takes the right.
  /// - Throws: `ReadModelError.replayRunning(location:)` where another process has it.
  init(_ directory: ReadModelDirectory) throws(ReadModelError) {
    path = "\(directory.path)/replay.lock"
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw systemError(path) }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        close(descriptor)
        throw .replayRunning(location: directory.path)
      }
      // Whoever had it before may have removed the file after it was opened here: then this is not the lock any more.
      var status = stat()
      if fstat(descriptor, &status) == 0, status.st_nlink > 0 {
        self.descriptor = descriptor
        return
      }
      close(descriptor)
    }
  }

  deinit {
    unlink(path)
    close(descriptor)
  }
}
