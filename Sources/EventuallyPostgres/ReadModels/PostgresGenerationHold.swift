package import Eventually

/// Keeps everybody from writing to the live generation, and from switching, for as long as it is not released; at most for
/// ``limit``, after which the server ends it and nothing has happened.
package final class PostgresGenerationHold: GenerationHold {
  /// How long nothing may be done with it.
  static let limit = Duration.seconds(30)

  fileprivate let session: CatalogSession
  /// The generation's number.
  package let generation: Int
  fileprivate let schema: String
  /// How far each partition of the store is applied, as a list; 0 for nothing.
  let held: [UInt64]
  /// Where the topic is likely to hold what comes next of each partition, where that is known.
  let nextOffsets: [Partition: Int64]
  private let catalog: PostgresReadModelCatalog

  fileprivate init(
    _ catalog: PostgresReadModelCatalog, _ session: CatalogSession, _ generation: Int,
    _ schema: String, _ positions: [UInt64], _ offsets: [Partition: Int64]
  ) {
    self.session = session
    self.generation = generation
    self.schema = schema
    held = positions
    nextOffsets = offsets
    self.catalog = catalog
  }

  /// How far each partition of the store is applied, as a list; 0 for nothing.
  package func positions() async throws(ReadModelError) -> [UInt64] { held }

  /// Where the topic is likely to hold what comes next of each partition, where that is known.
  package func offsets() async throws(ReadModelError) -> [Partition: Int64] { nextOffsets }

  /// Makes another generation the live one, in one transaction, and ends the hold.
  package func makeLive(_ generation: Int) async throws(ReadModelError) {
    try await catalog.link(generation, holding: self)
  }

  /// Lets others write again.
  package func release() async {
    // Nothing was written: to end the session undoes nothing.
    await session.close()
  }
}

extension PostgresReadModelCatalog {
  /// Keeps everybody from writing to the live generation; `nil` where there is none.
  ///
  /// It waits for batches under way. Workers that take partitions wait for its end.
  func hold() async throws(ReadModelError) -> PostgresGenerationHold? {
    do {
      let session = try await CatalogSession(database.url)
      do {
        if let hold = try await hold(session) { return hold }
        await session.close()
        return nil
      } catch {
        await session.close()
        throw error
      }
    } catch {
      throw .failed(location, error)
    }
  }

  private func hold(_ session: CatalogSession) async throws -> PostgresGenerationHold? {
    try await session.run(
      "SELECT set_config('idle_in_transaction_session_timeout', $1, false)",
      .text("\(PostgresGenerationHold.limit.milliseconds)ms"), doing: "prepare a session")
    try await session.begin(
      .readCommitted, in: database.names.catalog, doing: "hold the live generation")
    guard let live = try await lockPointer(session) else { return nil }
    let found = try await session.run(
      "SELECT schema, partitions FROM generations WHERE name = $1 AND number = $2", .text(name),
      .int4(Int32(clamping: live)), doing: "hold the live generation")
    guard found.count == 1 else { return nil }
    let schema = try found.text(0, 0)
    // In order, as workers lock them: so nobody waits for each other.
    let rows = try await session.run(
      """
      SELECT partition, position, next_offset FROM \(SQLText.name(schema)).checkpoints
      ORDER BY partition FOR UPDATE
      """, doing: "wait for batches under way")
    let checkpoints = try (0..<rows.count).map { row in
      (
        Int(try rows.integer(row, 0)), try rows.optionalInteger(row, 1),
        try rows.optionalInteger(row, 2)
      )
    }
    var positions = [UInt64](repeating: 0, count: Int(try found.integer(0, 1)))
    var offsets: [Partition: Int64] = [:]
    for (partition, position, offset) in checkpoints where positions.indices.contains(partition) {
      positions[partition] = UInt64(clamping: position ?? 0)
      offsets[Partition(clamping: partition)] = offset
    }
    return PostgresGenerationHold(self, session, live, schema, positions, offsets)
  }

  /// Makes a generation the live one, in one transaction, and lets go of the one that was held: workers' leases of that are fenced for
  /// good.
  /// - Parameter hold: of the live generation; `nil` where there was none.
  /// - Throws: `ReadModelError.generationInUse(_:location:reason:)` where another process was faster. Nothing has changed then.
  func link(
    _ number: Int, holding hold: PostgresGenerationHold?
  ) async throws(ReadModelError) {
    do {
      guard let hold else { return try await linkFirst(number) }
      let statements = [
        PostgresStatement(
          "UPDATE \(SQLText.name(hold.schema)).checkpoints SET epoch = epoch + 1"),
        PostgresStatement(
          "UPDATE generations SET live_until = clock_timestamp() WHERE name = $1 AND number = $2",
          .text(name), .int4(Int32(clamping: hold.generation))),
        pointing(to: number), PostgresStatement("COMMIT"),
      ]
      do {
        _ = try await hold.session.connection.run(statements, "switch generations")
      } catch {
        await hold.release()
        // The connection may have ended after the switch.
        guard error.isInDoubt, try await live() == number else { throw error }
        return
      }
      await hold.release()
    } catch {
      throw .failed(location, error)
    }
  }

  private func pointing(to number: Int) -> PostgresStatement {
    PostgresStatement(
      "UPDATE read_models SET live = $3 WHERE name = $1 AND schema_version = $2", .text(name),
      version, .int4(Int32(clamping: number)))
  }

  private func linkFirst(_ number: Int) async throws {
    try await database.transaction("make a generation live") { session in
      if let live = try await lockPointer(session), live != number {
        throw faster(number, than: live)
      }
      _ = try await session.connection.run([pointing(to: number)], "make a generation live")
    }
  }

  private func faster(_ number: Int, than live: Int) -> ReadModelError {
    .generationInUse(
      number, location: location,
      reason: "another process has made generation \(live) live meanwhile")
  }

  /// Makes another generation the live one, in one transaction. Running workers and queries follow by themselves.
  /// - Parameter replaced: what must be live before; any, where it is left out.
  /// - Throws: `ReadModelError.schemaVersion(location:found:expected:)` where it is of another version of the code,
  ///   `ReadModelError.unfinishedReplay(_:request:location:)` where a replay has not come to its end, and
  ///   `ReadModelError.generationInUse(_:location:reason:)` where another process was faster.
  package func makeLive(_ number: Int) async throws(ReadModelError) {
    try await makeLive(number, replacing: nil)
  }

  func makeLive(_ number: Int, replacing replaced: Int?) async throws(ReadModelError) {
    let found = try await self.found(number)
    guard found.schemaVersion == schemaVersion else {
      throw .schemaVersion(
        location: location, found: found.schemaVersion, expected: schemaVersion)
    }
    if found.isBuilding, let request = found.replay {
      throw .unfinishedReplay(number, request: request, location: location)
    }
    try await forgetDifferences(notedOf: found)
    let hold = try await hold()
    if let hold, hold.generation == number || replaced.map({ $0 != hold.generation }) == true {
      await hold.release()
      if hold.generation == number, replaced == nil { return }
      throw faster(number, than: hold.generation)
    }
    // It may have been dropped before the hold.
    do throws(ReadModelError) {
      _ = try await self.found(number)
    } catch {
      await hold?.release()
      throw error
    }
    try await link(number, holding: hold)
  }

  /// Nobody looks any more at what differed from the generation that was live.
  private func forgetDifferences(
    notedOf generation: PostgresGeneration
  ) async throws(ReadModelError) {
    guard let note = generation.note?.text else { return }
    do {
      guard let rest = try ReplayRecord.withoutRows(note) else { return }
      _ = try await database.ask(
        "UPDATE generations SET note = $2 WHERE schema = $1 AND note = $3",
        .text(generation.schema), .text(rest), .text(note), doing: "forget rows in a note")
    } catch {
      throw .failed(location, error)
    }
  }
}
