package import Eventually
import EventuallyPostgres
package import EventuallySQLite
import Foundation

/// The one place that knows the kinds of stores.
extension StoreLocation {
  /// Opens the store as one that writes to it, and creates it where there is none.
  func openAsWriter(
    _ codec: CategoriesCodec, options: EventStoreOptions
  ) async throws -> ApplicationStore {
    switch self {
    case .file(let path): try ApplicationStore(path: path, codec: codec, options: options)
    case .postgres(let url):
      try await ApplicationStore(postgres: url, codec: codec, options: options)
    }
  }

  /// Opens a store that exists, for reading.
  /// - Parameters:
  ///   - readers: how many may read at the same time.
  ///   - isWhole: whether it must have all that was published: a standby has that a moment later.
  package func openForReading(
    readers: Int = 4, isWhole: Bool = false
  ) async throws -> any StoreLog {
    switch self {
    case .file: try openFile(readers: readers)
    case .postgres(let url):
      isWhole ? try await PostgresEventLog(primary: url) : try await PostgresEventLog(url: url)
    }
  }

  /// Opens a store that is a file, for what only such a store can do.
  /// - Throws: ``Failure`` where it is none.
  package func openFile(readers: Int = 4) throws -> SQLiteEventLog {
    guard case .file(let path) = self else { throw Failure("the store \(self) is no file") }
    return try SQLiteEventLog(path: path, readers: readers)
  }

  /// What a look through a store for damage has found.
  package struct Damage: Sendable {
    /// In words.
    package var findings: [String]
    /// What is to be done about them.
    package var wayBack: String
    /// What was not looked at, and why.
    package var leftOut: String?
  }

  /// Looks through the store for damage, which reads all of it.
  /// - Parameter progress: called with the part that is done, where that is known.
  package func findDamage(_ progress: @escaping (Double) -> Void) async throws -> Damage {
    switch self {
    case .file:
      Damage(
        findings: try await openFile().findDamage(progress: progress),
        wayBack:
          "stop its writer and put a backup in its place, or save what can be read with sqlite3's .recover"
      )
    case .postgres(let url):
      try await Self.findDamage(of: try await PostgresEventLog(url: url))
    }
  }

  private static func findDamage(of log: PostgresEventLog) async throws(EventStoreError) -> Damage {
    do throws(EventStoreError) {
      let check = try await log.findDamage()
      await log.close()
      return Damage(
        findings: check.findings,
        wayBack:
          "stop its writers and restore a backup; where only indexes are named, REINDEX makes them anew",
        leftOut: check.indexesLeftOut.map { "the store's indexes were not looked at: \($0)" })
    } catch {
      await log.close()
      throw error
    }
  }

  /// Whether it is worth trying to open the store: a file may not be there yet, and others tell by themselves.
  package var mayExist: Bool {
    guard case .file(let path) = self else { return true }
    return FileManager.default.fileExists(atPath: path)
  }
}
