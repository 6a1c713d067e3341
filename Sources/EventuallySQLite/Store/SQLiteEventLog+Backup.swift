import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A copy of a store, as it was at one moment.
public struct StoreBackup: Sendable, Hashable {
  /// The copy's file.
  public var path: String
  /// The store's id, which the copy has too.
  public var storeID: String
  /// The sequence number of the last event in the copy, 0 for none.
  public var head: UInt64
  /// How many bytes the copy takes.
  public var size: UInt64
  /// How many streams were removed while the copy was made: it still has what their events said.
  public var removedMeanwhile: Int
}

/// Why a store can't be copied. Nothing is left of the copy.
public enum BackupError: Error, Sendable, CustomStringConvertible {
  /// There is a file of this name, which is not replaced.
  case exists(path: String)
  /// Another process is making a copy of this name.
  case running(path: String)
  /// The disk has less room than the store takes.
  case notEnoughSpace(path: String, needed: UInt64, available: UInt64)
  /// The disk became full.
  case full(path: String)
  /// The task was cancelled.
  case cancelled(path: String)
  /// The store's own file is damaged.
  case damaged(store: String, cause: any Error)
  /// The copy could not be written, or the store not be read.
  case unavailable(path: String, cause: any Error)

  /// What is wrong, and what to do.
  public var description: String {
    switch self {
    case .exists(let path): "\(path) exists, and is not replaced: name another file"
    case .running(let path):
      "another process is making a backup \(path): wait for it, or name another file"
    case .notEnoughSpace(let path, let needed, let available):
      "a backup \(path) may take \(needed) bytes, and its disk has \(available): free some space, or name a file on another disk"
    case .full(let path):
      "the disk of \(path) is full: free some space, or name a file on another disk"
    case .cancelled(let path): "the backup \(path) was stopped before its end"
    case .damaged(let store, let cause):
      "the store \(store) is damaged (\(cause)): it is not copied; \(StoreDamage.wayBack)"
    case .unavailable(let path, let cause): "the backup can't be made, because of \(path): \(cause)"
    }
  }
}

extension SQLiteEventLog {
  /// Writes a copy of the store as it is at one moment, while its writer and others work: a store of its own file with the same id.
  ///
  /// The copy has what the tables have, and nothing that was erased before it began, in free pages neither. While it is made, the
  /// store's write-ahead log grows, and erasures wait (``pendingErasures()``), as they do for any reader; a stream that is removed
  /// meanwhile is in the copy as it was before, and is counted. It blocks its thread for as long as it takes to read and write
  /// the whole store. Where the task is cancelled it ends.
  /// - Parameters:
  ///   - path: a file that does not exist, in a folder that does. It appears when it is whole, and durable.
  ///   - progress: called now and then with the part that is written, 0 to 1.
  /// - Throws: ``BackupError``. Then there is no file that was not there before.
  @discardableResult
  public func backup(
    to path: String, progress: (Double) -> Void = { _ in }
  ) throws(BackupError) -> StoreBackup {
    try backup(to: path, available: DiskSpace.available(at:), progress: progress)
  }

  /// The same, where somebody else may say how much room there is.
  func backup(
    to path: String, available: (String) -> UInt64?, progress: (Double) -> Void = { _ in }
  ) throws(BackupError) -> StoreBackup {
    do {
      let file = try UnfinishedFile(for: path, mode: mode)
      // It may write for the copy alone: of the store it only reads.
      let connection = try SQLiteConnection(path: self.path, mode: .readWrite)
      let needed = try DiskSpace.size(of: connection)
      let folder = URL(filePath: path).deletingLastPathComponent().path()
      if let available = available(folder), available < needed {
        throw BackupError.notEnoughSpace(path: path, needed: needed, available: available)
      }
      // Not page by page: pages have parts that are free, and earlier versions did not overwrite what they erased.
      try connection.interrupted(
        where: {
          progress(min(Double(file.size) / Double(max(needed, 1)), 1))
          return Task.isCancelled
        }
      ) { try connection.run("VACUUM INTO ?", .text(file.path)) }
      let copy = try SQLiteConnection(path: file.path, mode: .readOnly)
      let head = try copy.integer("SELECT max(sequence) FROM events") ?? 0
      let removed =
        try connection.integer(
          "SELECT count(*) FROM erasures WHERE sequence > ?", .integer(head)) ?? 0
      let backup = StoreBackup(
        path: path, storeID: try StoreSchema.identity(copy).storeID, head: UInt64(clamping: head),
        size: file.size, removedMeanwhile: Int(clamping: removed))
      try file.finish()
      progress(1)
      return backup
    } catch let error as BackupError {
      throw error
    } catch let error as SQLiteError where error.isInterrupted {
      throw .cancelled(path: path)
    } catch let error as SQLiteError where error.isFull {
      throw .full(path: path)
    } catch let error as SQLiteError where error.isDamage {
      throw .damaged(store: self.path, cause: error)
    } catch {
      throw .unavailable(path: path, cause: error)
    }
  }

  /// Who may read and write the store's file, and so its copy.
  private var mode: mode_t {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0o600
  }
}
