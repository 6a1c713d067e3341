package import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A store in a file that is moved. It has the writer's role.
package final class SQLiteCopySource: CopySource {
  package let contents: any StoreContents
  package let location: String
  private let path: String
  private let lock: Locked<StoreLock?>

  /// - Throws: `StoreOpenError` with the code `StoreOpenError.Code.locked` while a writer runs.
  package init(path: String) throws(StoreOpenError) {
    self.path = path
    location = resolvedPath(path)
    guard FileIdentity(path: path) != nil else {
      throw .unreadable(at: path, cause: SystemError(code: ENOENT))
    }
    lock = Locked(try StoreLock(storePath: path))
    contents = SQLiteStoreContents(sqlite: try SQLiteEventLog(path: path))
  }

  package func movedTo() async throws(EventStoreError) -> String? {
    try await write { connection throws(SQLiteError) in try StoreMove.destination(of: connection) }
  }

  package func setMoved(to location: String?) async throws(EventStoreError) {
    try await write { connection throws(SQLiteError) in
      try StoreMove.note(location, in: connection)
    }
  }

  package func close() { lock.withLock { $0 = nil } }

  private func write<Result: Sendable>(
    _ body: @escaping @Sendable (SQLiteConnection) throws(SQLiteError) -> Result
  ) async throws(EventStoreError) -> Result {
    let path = path
    return try await BlockingExecutor.run(label: "store.copy") { () throws(EventStoreError) in
      do {
        let connection = try SQLiteConnection(path: path, mode: .readWrite)
        return try body(connection)
      } catch {
        throw .failed(path, "could not be written", error)
      }
    }
  }
}

extension SQLiteCopySource {
  /// Gives the file of a store that was moved another name, which ends in `.moved`, so that nobody takes it for the store. Nobody
  /// may have it open.
  /// - Returns: the new name.
  package static func retire(_ path: String) async throws(StoreCopyError) -> String {
    try await BlockingExecutor.run(label: "store.copy") { () throws(StoreCopyError) in
      let retired = path + ".moved"
      do {
        let lock = try StoreLock(storePath: path)
        guard FileIdentity(path: retired) == nil else {
          throw StoreCopyError.notRetired(path, "there is a \(retired) already")
        }
        let connection = try SQLiteConnection(path: path, mode: .readWrite)
        guard try StoreMove.destination(of: connection) != nil else {
          throw StoreCopyError.notRetired(path, "it was not moved")
        }
        try foldLog(connection)
        guard rename(path, retired) == 0 else { throw SystemError(code: errno) }
        withExtendedLifetime(lock) {}
        return retired
      } catch let error as StoreCopyError {
        throw error
      } catch let error as StoreOpenError {
        throw .notOpened(error)
      } catch {
        throw .notRetired(path, "\(error)")
      }
    }
  }

  /// Leaves no write-ahead log, which is beside the file under its name. That needs the file alone, for which SQLite does not wait.
  private static func foldLog(_ connection: SQLiteConnection) throws(SQLiteError) {
    let deadline = ContinuousClock.now + .seconds(5)
    while true {
      do {
        return try connection.execute("PRAGMA journal_mode = DELETE")
      } catch {
        guard error.isBusy, ContinuousClock.now < deadline else { throw error }
      }
      usleep(20_000)
    }
  }
}
