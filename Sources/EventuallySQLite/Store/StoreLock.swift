import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The writer's role on one store: held by at most one process, and given back by the kernel whenever
/// that process ends, however it ends.
///
/// Two locks are held. The one on the file `….lock` beside the store says who has the role. The one on the store's file itself
/// is what counts: a hard link and a bind mount lead to the same file by other paths.
final class StoreLock: Sendable {
  private let descriptor: Int32
  private let file: FileIdentity

  /// Takes the role; the store's file is made where there is none.
  /// - Throws: `StoreOpenError` with the code `locked` where another process has it, and `noLocks` where the file system has no
  ///   locks that hold.
  init(storePath: String) throws(StoreOpenError) {
    // SQLite follows symbolic links as well, and keeps its log beside the file that they lead to.
    let path = resolvedPath(storePath) + ".lock"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.failure(path, errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      let owner = Self.note(in: descriptor).owner
      close(descriptor)
      throw code == EWOULDBLOCK
        ? .locked(at: storePath, owner: owner ?? "unknown process")
        : Self.noLocks(storePath, code) ?? Self.failure(path, code)
    }
    var held = Self.note(in: descriptor).storeID
    do throws(StoreOpenError) {
      try LockProbe.check(path, storePath: storePath)
      // A new store under the same name is not the one of which the note is.
      if FileIdentity(path: storePath) == nil {
        held = nil
        ftruncate(descriptor, 0)
      } else if let held, try Self.isEmpty(storePath) {
        throw StoreOpenError.damaged(
          storePath,
          StoreDamage(
            "it is empty and held the store \(held) before; to begin a new store, delete \(path) too"
          ))
      }
      file = try LockedStoreFiles.shared.lock(storePath)
    } catch {
      close(descriptor)
      throw error
    }
    note(storeID: held)
  }

  /// Notes who holds the role, and which store the file holds. Who holds it is only told to people: the lock itself is what
  /// counts. Which store it is tells a new file from one that has lost all it held.
  func note(storeID: String?) {
    var text = "process \(getpid()) on \(ProcessInfo.processInfo.hostName)"
    if let storeID { text += "\n\(Self.storePrefix)\(storeID)" }
    ftruncate(descriptor, 0)
    _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
  }

  private static let storePrefix = "store "

  /// What is noted in a lock's file; nothing where that can't be read.
  private static func note(in descriptor: Int32) -> (owner: String?, storeID: String?) {
    var bytes = [UInt8](repeating: 0, count: 1024)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    let lines = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
    let owner = lines.first.flatMap { $0.isEmpty ? nil : String($0) }
    guard lines.count > 1, lines[1].hasPrefix(storePrefix) else { return (owner, nil) }
    return (owner, String(lines[1].dropFirst(storePrefix.count)))
  }

  private static func isEmpty(_ path: String) throws(StoreOpenError) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { throw failure(path, errno) }
    return status.st_size == 0
  }

  deinit {
    LockedStoreFiles.shared.unlock(file)
    // A child process that is just being started still has the descriptor, and the lock would last as long.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  static func failure(_ path: String, _ code: Int32) -> StoreOpenError {
    .unreadable(at: path, cause: SystemError(code: code))
  }

  /// The error where the system says that there are no locks.
  static func noLocks(_ path: String, _ code: Int32) -> StoreOpenError? {
    guard [ENOLCK, ENOTSUP, EOPNOTSUPP, ENOSYS, EINVAL].contains(code) else { return nil }
    return .noLocks(at: path, cause: SystemError(code: code))
  }
}

/// Whether locks hold on a file system: some accept every lock, and keep nobody out.
enum LockProbe {
  /// Tries to take a lock that is held, through another descriptor.
  /// - Parameters:
  ///   - path: a file that this process has locked.
  ///   - storePath: the store, for the error.
  ///   - lock: takes a lock; another one in tests.
  /// - Throws: `StoreOpenError` with the code `noLocks`.
  static func check(
    _ path: String, storePath: String, lock: (Int32, Int32) -> Int32 = flock
  ) throws(StoreOpenError) {
    let second = open(path, O_RDWR | O_CLOEXEC)
    guard second >= 0 else { throw StoreLock.failure(path, errno) }
    defer { close(second) }
    guard lock(second, LOCK_EX | LOCK_NB) != 0 else { throw .noLocks(at: storePath, cause: nil) }
    let code = errno
    guard code == EWOULDBLOCK else {
      throw StoreLock.noLocks(storePath, code) ?? StoreLock.failure(path, code)
    }
  }
}

/// The stores' files that this process has locked or has tried to.
///
/// A descriptor of a store's file stays open as long as the file exists: to close one would give back all locks of SQLite's
/// connections in this process to the same file, as POSIX has it.
final class LockedStoreFiles: Sendable {
  static let shared = LockedStoreFiles()

  private struct Entry {
    var descriptor: Int32
    var isHeld: Bool
  }

  private let entries = Locked<[FileIdentity: Entry]>([:])

  /// Locks a store's file, which is made where there is none.
  /// - Returns: the file, for ``unlock(_:)``.
  func lock(_ path: String) throws(StoreOpenError) -> FileIdentity {
    try entries.withLock { (entries) throws(StoreOpenError) -> FileIdentity in
      Self.closeDeleted(&entries)
      if FileIdentity(path: path) == nil {
        // There is no lock of SQLite's on a file that does not exist.
        let created = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard created >= 0 else { throw StoreLock.failure(path, errno) }
        close(created)
      }
      guard let file = FileIdentity(path: path) else { throw StoreLock.failure(path, errno) }
      var entry: Entry
      if let known = entries[file] {
        entry = known
      } else {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreLock.failure(path, errno) }
        entry = Entry(descriptor: descriptor, isHeld: false)
        entries[file] = entry
      }
      guard !entry.isHeld else {
        throw .locked(at: path, owner: "this process, \(getpid()), through another path")
      }
      guard flock(entry.descriptor, LOCK_EX | LOCK_NB) == 0 else {
        let code = errno
        throw code == EWOULDBLOCK
          ? .locked(at: path, owner: "a process that has it open through another path")
          : StoreLock.noLocks(path, code) ?? StoreLock.failure(path, code)
      }
      entries[file]?.isHeld = true
      return file
    }
  }

  /// Gives a file back.
  func unlock(_ file: FileIdentity) {
    entries.withLock { entries in
      guard let entry = entries[file] else { return }
      flock(entry.descriptor, LOCK_UN)
      entries[file]?.isHeld = false
      Self.closeDeleted(&entries)
    }
  }

  /// Locks of files that nobody can open any more are of no use.
  private static func closeDeleted(_ entries: inout [FileIdentity: Entry]) {
    for (file, entry) in entries where !entry.isHeld {
      var status = stat()
      guard fstat(entry.descriptor, &status) == 0, status.st_nlink == 0 else { continue }
      close(entry.descriptor)
      entries[file] = nil
    }
  }
}

/// The file that a path leads to; where there is none yet, the path with its folder's links followed.
func resolvedPath(_ path: String) -> String {
  func resolve(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
  return resolve(path) ?? path
}
