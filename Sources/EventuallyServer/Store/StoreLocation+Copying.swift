package import Eventually
import EventuallyPostgres
import EventuallySQLite

extension StoreLocation {
  /// Moves the store to another place; see ``StoreCopy``.
  /// - Parameter progress: called after each page.
  package func copy(
    to target: StoreLocation, _ progress: @escaping @Sendable (CopyProgress) -> Void
  ) async throws -> CopyReport {
    func copy(_ source: some CopySource, _ target: some CopyTarget) async throws -> CopyReport {
      do throws(StoreCopyError) {
        let report = try await StoreCopy(from: source, to: target).run(progress)
        await source.close()
        await target.close()
        return report
      } catch {
        await source.close()
        await target.close()
        throw error
      }
    }
    return try await copy(try await openForMoving(), target.openForCopy())
  }

  /// Has a store that was moved take appends again.
  package func undoMove() async throws {
    let source = try await openForMoving()
    do throws(EventStoreError) {
      try await source.setMoved(to: nil)
      await source.close()
    } catch {
      await source.close()
      throw error
    }
  }

  /// Gives the file of a store that was moved another name.
  /// - Returns: the name.
  package func retire() async throws -> String {
    guard case .file(let path) = self else { throw Failure("the store \(self) is no file") }
    return try await SQLiteCopySource.retire(path)
  }

  private func openForMoving() async throws -> any CopySource {
    switch self {
    case .file(let path): try SQLiteCopySource(path: path)
    case .postgres(let url): try await PostgresCopySource(url: url)
    }
  }

  private func openForCopy() -> any CopyTarget {
    switch self {
    case .file(let path): SQLiteCopyTarget(path: path)
    case .postgres(let url): PostgresCopyTarget(url: url)
    }
  }
}
