import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What tells a file from what comes in its place. Links are followed: Kubernetes exchanges the files of a secret by a link.
struct FileStamp: Sendable, Hashable {
  private let device: UInt64
  private let inode: UInt64
  private let size: Int64
  private let seconds: Int64
  private let nanoseconds: Int64
  /// Whether every user of the host may read it.
  let isReadableByAll: Bool

  /// Whether it is a file, and no folder, pipe or device.
  let isRegular: Bool

  /// The file's; `nil` where there is none, or it can't be reached.
  init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    #if canImport(Darwin)
      let modified = status.st_mtimespec
    #else
      let modified = status.st_mtim
    #endif
    device = UInt64(truncatingIfNeeded: status.st_dev)
    inode = UInt64(truncatingIfNeeded: status.st_ino)
    size = Int64(status.st_size)
    seconds = Int64(modified.tv_sec)
    nanoseconds = Int64(modified.tv_nsec)
    isRegular = status.st_mode & S_IFMT == S_IFREG
    isReadableByAll = status.st_mode & S_IROTH != 0
  }
}
