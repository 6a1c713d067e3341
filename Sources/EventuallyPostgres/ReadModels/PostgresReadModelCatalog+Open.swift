public import Eventually

extension PostgresReadModelCatalog {
  /// Opens a generation for events to be applied to it, or for its parked events.
  func open<Model: ReadModel>(
    _ generation: PostgresGeneration, model: Model, codec: any EventCodec<Model.Event>,
    parkingLimit: Int = 10_000
  ) throws(ReadModelError) -> PostgresReadModelDatabase<Model> {
    try PostgresReadModelDatabase(
      generation, of: self, model: model, codec: codec, parkingLimit: parkingLimit)
  }
}

/// What a generation is asked for beside its rows.
extension PostgresReadModelDatabase: GenerationStore {
  private func ask(
    _ sql: String, _ parameters: PostgresValue..., doing operation: String
  ) async throws -> PostgresRows {
    let rows = try await pool.run(
      [
        CatalogSession.path(quoted: schema.namespace), PostgresStatement(sql, parameters),
      ], operation)
    guard rows.count == 2 else {
      throw PostgresError(.malformed, "the server did not answer", operation: operation)
    }
    return rows[1]
  }

  private func checkpoints() async throws(ReadModelError) -> [CheckpointStatus] {
    do {
      return try CheckpointStatus.all(
        try await ask(CheckpointStatus.select, doing: "read checkpoints"), of: partitionCount,
        location)
    } catch {
      throw .failed(location, error)
    }
  }

  /// How far each partition of the store is applied, as a list; 0 for nothing.
  public func positions() async throws(ReadModelError) -> [UInt64] {
    try await checkpoints().positions(of: partitionCount)
  }

  /// The partitions in which a process of this host has ended while it worked on events, each with the last partition offset in doubt.
  public func crashedPartitions() async throws(ReadModelError) -> [Partition: UInt64] {
    var crashed: [Partition: UInt64] = [:]
    for checkpoint in try await checkpoints() {
      crashed[checkpoint.partition] =
        file?.recovery(checkpoint.partition, after: checkpoint.position ?? 0)?.through
    }
    return crashed
  }

  /// Takes over where the bus is likely to hold what comes next, for partitions of which that is not known here.
  public func adoptOffsets(_ offsets: [Partition: Int64]) async throws(ReadModelError) {
    let sorted = offsets.sorted { $0.key < $1.key }
    do {
      _ = try await ask(
        """
        INSERT INTO checkpoints AS c (partition, epoch, next_offset, owner)
        SELECT partition, 0, next_offset, 'replay' FROM unnest($1::integer[], $2::bigint[]) u (partition, next_offset)
        ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset WHERE c.next_offset IS NULL
        """, .int4s(sorted.map { Int32($0.key) }), .int8s(sorted.map { $0.value }),
        doing: "take offsets over")
    } catch {
      throw .failed(location, error)
    }
  }

  /// Keeps what a replay tells of itself, in place of what it has told before.
  public func note(replay text: String) async throws(ReadModelError) {
    var statement = keepNote
    // The server does not take U+0000 in text.
    statement.parameters = [.text(text.replacing("\0", with: "\u{FFFD}"))]
    do {
      _ = try await pool.run([statement], "keep a replay's note")
    } catch {
      throw .failed(location, error)
    }
  }

  /// Notes that the generation has caught up once: from now on it counts as built.
  public func completeBuild() async throws(ReadModelError) {
    do {
      _ = try await ask(
        "UPDATE readmodel SET is_building = false WHERE is_building",
        doing: "note that it is built")
    } catch {
      throw .failed(location, error)
    }
  }

  /// The same, where every partition has been applied up to where the store was.
  /// - Returns: whether it counts as built.
  public func completeBuild(through heads: [UInt64]) async throws(ReadModelError) -> Bool {
    do {
      if try await !ask("SELECT is_building FROM readmodel", doing: "ask whether it is built")
        .bool(0, 0)
      {
        return true
      }
    } catch {
      throw .failed(location, error)
    }
    guard zip(try await positions(), heads).allSatisfy({ $0 >= $1 }) else { return false }
    try await completeBuild()
    return true
  }
}
