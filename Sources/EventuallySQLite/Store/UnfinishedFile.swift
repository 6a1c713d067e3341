import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A new file that is written beside its place, and gets its name when it is whole. Until then nobody takes it for what it is to
/// be, and what a process leaves that is killed is removed by the next one.
struct UnfinishedFile: ~Copyable {
  /// Where it is written to.
  let path: String
  private let destination: String
  private let descriptor: Int32

  /// Begins a file, which is empty and locked.
  /// - Parameter mode: who may read and write it.
  /// - Throws: ``BackupError``
  init(for destination: String, mode: mode_t) throws(BackupError) {
    self.destination = destination
    path = destination + ".unfinished"
    guard FileIdentity(path: destination) == nil else { throw .exists(path: destination) }
    // A file of this name that nobody has locked is left from an earlier attempt.
    for _ in 0..<10 {
      let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, mode)
      guard opened >= 0 else { throw .systemError(destination) }
      guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
        let error =
          errno == EWOULDBLOCK ? .running(path: destination) : BackupError.systemError(path)
        close(opened)
        throw error
      }
      if let file = FileIdentity(path: path), file == FileIdentity(descriptor: opened) {
        if lseek(opened, 0, SEEK_END) == 0 {
          descriptor = opened
          return
        }
        // Not emptied: it may be a finished file under a second name.
        Self.remove(path)
      }
      close(opened)
    }
    throw .running(path: destination)
  }

  /// How many bytes it has by now.
  var size: UInt64 { UInt64(clamping: lseek(descriptor, 0, SEEK_END)) }

  /// Gives it its name, durably.
  /// - Throws: ``BackupError``
  func finish() throws(BackupError) {
    guard fsync(descriptor) == 0 else { throw .systemError(path) }
    if link(path, destination) == 0 {
      unlink(path)
    } else if errno == EEXIST {
      throw .exists(path: destination)
    } else {
      // A file system without hard links.
      guard FileIdentity(path: destination) == nil else { throw .exists(path: destination) }
      guard rename(path, destination) == 0 else { throw .systemError(destination) }
    }
    let folder = URL(filePath: destination).deletingLastPathComponent().path()
    let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw .systemError(folder) }
    defer { close(directory) }
    guard fsync(directory) == 0 else { throw .systemError(folder) }
  }

  private static func remove(_ path: String) {
    // A journal first: it belongs to the file.
    unlink(path + "-journal")
    unlink(path)
  }

  deinit {
    // Once it is finished there is no such name; nobody else makes one while this one is locked.
    if FileIdentity(path: path) == FileIdentity(descriptor: descriptor) { Self.remove(path) }
    close(descriptor)
  }
}

extension BackupError {
  /// What the system said of the last call on a path.
  fileprivate static func systemError(_ path: String) -> BackupError {
    .unavailable(path: path, cause: SystemError(code: errno))
  }
}
