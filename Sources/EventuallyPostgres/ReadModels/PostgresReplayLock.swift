package import Eventually

/// The right to replay a read model: held by at most one process, and given back by the server when its session ends, however that
/// does.
package final class PostgresReplayLock: ReplayRight {
  private let session: CatalogSession

  /// Takes the right.
  /// - Throws: `ReadModelError.replayRunning(location:)` where another process has it.
  package init(_ catalog: PostgresReadModelCatalog) async throws(ReadModelError) {
    do {
      session = try await CatalogSession(catalog.database.url)
    } catch {
      throw .failed(catalog.location, error)
    }
    do {
      let rows = try await session.run(
        "SELECT pg_try_advisory_lock($1)",
        .int8(AdvisoryLock.key("replay", catalog.database.names.catalog, catalog.name)),
        doing: "take the right to replay")
      if try rows.bool(0, 0) { return }
    } catch {
      await session.close()
      throw .failed(catalog.location, error)
    }
    await session.close()
    throw .replayRunning(location: catalog.location)
  }

  /// Whether it is still held: a session may end before its process does.
  package var isHeld: Bool { session.connection.isThere }

  /// Gives the right back. Without it, that is done some time after nobody has this any more.
  package func release() async { await session.close() }
}
