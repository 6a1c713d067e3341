import Eventually
import EventuallySQLite
import Foundation
import Testing

/// The documented uses of the error, as an application has them.
@Suite struct StoreOpenErrorTests {
  /// Catches some reasons and lets others pass.
  private func isWaitedFor(_ path: String) throws -> Bool {
    do {
      try Task.checkCancellation()
      _ = try SQLiteEventLog(path: path)
      return false
    } catch let error as StoreOpenError where error.isOne(of: .empty, .unreadable) {
      return true
    }
  }

  /// The same, where nothing else is thrown.
  private func isWaitedForAlone(_ path: String) throws -> Bool {
    do {
      _ = try SQLiteEventLog(path: path)
      return false
    } catch let error where error.isOne(of: .empty, .unreadable) {
      return true
    }
  }

  /// With the type of what is thrown named.
  private func code(_ path: String) async -> StoreOpenError.Code? {
    do throws(StoreOpenError) {
      _ = try SQLiteEventLog(path: path)
      return nil
    } catch {
      switch error.code {
      case .empty, .unreadable: return error.code
      default: return .notAStore
      }
    }
  }

  @Test func reasonsAreToldApart() async throws {
    let folder = try TemporaryFolder()
    #expect(try isWaitedFor(folder.file("missing.sqlite")))
    #expect(await code(folder.file("missing.sqlite")) == .unreadable)
    try Data().write(to: URL(filePath: folder.file("empty.sqlite")))
    #expect(try isWaitedFor(folder.file("empty.sqlite")))
    #expect(try isWaitedForAlone(folder.file("empty.sqlite")))
    #expect(await code(folder.file("empty.sqlite")) == .empty)
    _ = try TextStore(path: folder.file("store.sqlite"), codec: TextCodec())
    #expect(try !isWaitedFor(folder.file("store.sqlite")))
    #expect(await code(folder.file("store.sqlite")) == nil)
    let other = try SQLiteConnection(path: folder.file("other.sqlite"), mode: .create)
    try other.execute("CREATE TABLE something (x)")
    #expect(throws: StoreOpenError.self) { try isWaitedFor(folder.file("other.sqlite")) }
  }
}
