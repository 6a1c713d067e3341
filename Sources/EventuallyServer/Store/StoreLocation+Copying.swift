package import Eventually
import EventuallySQLite

extension StoreLocation {
  /// Moves the store to another place; see ``StoreCopy``.
  /// - Parameter progress: called after each page.
  package func copy(
    to target: StoreLocation, _ progress: @escaping @Sendable (CopyProgress) -> Void
  ) async throws -> CopyReport {
    func copy(_ source: some CopySource, _ target: some CopyTarget) async throws -> CopyReport {
      try await StoreCopy(from: source, to: target).run(progress)
    }
    return try await copy(try await openForMoving(), try target.openForCopy())
  }

  /// Has a store that was moved take appends again.
  package func undoMove() async throws { try await openForMoving().setMoved(to: nil) }

  /// Gives the file of a store that was moved another name.
  /// - Returns: the name.
  package func retire() async throws -> String {
    guard case .file(let path) = self else { throw Failure("the store \(self) is no file") }
    return try await SQLiteCopySource.retire(path)
  }

  private func openForMoving() async throws -> any CopySource {
    switch self {
    case .file(let path): try SQLiteCopySource(path: path)
    case .postgres: throw unsupported
    }
  }

  private func openForCopy() throws -> any CopyTarget {
    switch self {
    case .file(let path): SQLiteCopyTarget(path: path)
    case .postgres: throw unsupported
    }
  }
}
