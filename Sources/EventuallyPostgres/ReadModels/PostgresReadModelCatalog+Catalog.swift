package import Eventually

extension PostgresReadModelCatalog: ReadModelCatalog {
  /// The number of the live generation; `nil` where there is none yet, or its schema is gone.
  package func liveGeneration() async throws(ReadModelError) -> Int? {
    try await foundLive().flatMap { $0.isThere ? $0.number : nil }
  }

  /// What tells the live generation from others; `nil` where there is none.
  package func liveIdentity() async throws(ReadModelError) -> GenerationIdentity? {
    try await foundLive().flatMap { $0.isThere ? $0.identity : nil }
  }

  /// All generations, of every schema version, in the order in which they were begun.
  package func list() async throws(ReadModelError) -> [Generation] {
    try await allGenerations().map(\.generation)
  }

  /// A generation that exists.
  /// - Throws: `ReadModelError.noGeneration(_:location:)`.
  package func generation(_ number: Int) async throws(ReadModelError) -> Generation {
    try await found(number).generation
  }

  /// How many events have been applied to a generation.
  package func events(in generation: Int) async throws(ReadModelError) -> UInt64 {
    try await events(of: try await found(generation))
  }

  /// How many bytes a generation takes.
  package func size(of generation: Int) async throws(ReadModelError) -> UInt64 {
    let rows = try await database.ask(
      """
      SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'
      """, .text(try await found(generation).schema), doing: "ask for its size")
    return try failing { () throws(PostgresError) in try rows.unsigned(0, 0) }
  }

  // MARK: Opening

  /// Opens the live generation for a worker, and begins the first where there is none.
  package func openLive<Model: ReadModel>(
    _ model: Model, codec: any EventCodec<Model.Event>, storeID: String, partitionCount: Partition,
    parkingLimit: Int
  ) async throws(ReadModelError) -> LiveGeneration<Model.Event> {
    let live = try await openLive(storeID: storeID, partitionCount: partitionCount)
    return LiveGeneration(
      number: live.number, identity: live.identity,
      store: try open(live, model: model, codec: codec, parkingLimit: parkingLimit))
  }

  /// Opens a generation for events to be applied to it, or for its parked events.
  package func openGeneration<Model: ReadModel>(
    _ generation: Int, model: Model, codec: any EventCodec<Model.Event>, storeID: String,
    partitionCount: Partition
  ) async throws(ReadModelError) -> any GenerationStore<Model.Event> {
    let found = try await found(generation)
    try found.check(storeID: storeID, partitionCount: partitionCount, location)
    return try open(found, model: model, codec: codec)
  }

  /// Opens a generation for queries.
  /// - Parameters:
  ///   - generation: its number; `nil` for the live one, which is followed.
  ///   - readers: no matter: all readers of a database share its connections.
  ///   - timeLimit: how long a query may read; `nil` for as long as it takes.
  package func reader(
    of generation: Int?, readers: Int, timeLimit: Duration?
  ) async throws(ReadModelError) -> any ReadModelSource {
    try await PostgresReadModelReader(self, generation: generation, timeLimit: timeLimit)
  }

  /// The state that a generation is in now.
  package func state(of generation: Int) async throws(ReadModelError) -> any ReadModelState {
    let found = try await found(generation)
    return try await PostgresReadModelState(
      self, schema: found.schema, partitionCount: found.partitionCount)
  }

  // MARK: Replays

  /// Takes the right to replay the read model, until what is returned is gone.
  package func lockReplay() async throws(ReadModelError) -> any ReplayRight {
    try await PostgresReplayLock(self)
  }

  /// Begins a generation for a replay, whose right the caller has.
  package func beginGeneration(
    _ request: String, from base: Savepoint?, model: any ReadModel, storeID: String,
    partitionCount: Partition
  ) async throws(ReadModelError) -> Int {
    var found: PostgresSavepoint?
    if let base { found = try await foundSavepoint(base.name) }
    return try await begin(
      request, from: found, storeID: storeID, partitionCount: partitionCount)
  }

  /// Users can't name a savepoint so.
  private static let copyName = ".live"

  /// Copies the live generation as it stands; `nil` where there is none. The copy is deleted with what is returned.
  package func copyLive() async throws(ReadModelError) -> (
    generation: Int, state: any ReadModelState
  )? {
    guard let live = try await foundLive(), live.isThere else { return nil }
    // What a replay has left that was killed.
    for left in try await allSavepoints() where left.name == Self.copyName {
      try await delete(left)
    }
    let session = try await lockedSession()
    do {
      try await save(Self.copyName, isAutomatic: false, session)
      await session.close()
    } catch {
      await session.close()
      throw .failed(location, error)
    }
    let copy = try await foundSavepoint(Self.copyName)
    let state = try await PostgresReadModelState(
      self, schema: copy.schema, partitionCount: live.partitionCount, deleting: copy)
    return (live.number, state)
  }

  /// Keeps everybody from writing to a generation; `nil` where it is not the live one.
  package func hold(
    live generation: Int
  ) async throws(ReadModelError) -> (any GenerationHold)? {
    guard let hold = try await hold() else { return nil }
    if hold.generation == generation { return hold }
    await hold.release()
    return nil
  }

  /// Makes a generation the live one where none is live.
  package func makeFirstLive(_ generation: Int) async throws(ReadModelError) {
    try await link(generation, holding: nil)
  }

  // MARK: Savepoints

  /// A savepoint, as it says of itself.
  package func savepoint(_ name: String) async throws(ReadModelError) -> Savepoint {
    try await foundSavepoint(name).savepoint
  }

  /// All savepoints of this schema version, the oldest first.
  package func savepoints() async throws(ReadModelError) -> [Savepoint] {
    try await foundSavepoints().filter { $0.name != Self.copyName }.map(\.savepoint)
  }

  /// Reads a savepoint whole.
  package func verify(
    _ savepoint: Savepoint, model: any ReadModel
  ) async throws(ReadModelError) {
    try await verify(try await foundSavepoint(savepoint.name))
  }
}

extension PostgresGeneration {
  var identity: GenerationIdentity {
    GenerationIdentity(UInt64(clamping: number), UInt64(bitPattern: created.microseconds))
  }

  var generation: Generation {
    var generation = Generation(
      number: number, location: schema, schemaVersion: schemaVersion, origin: origin,
      created: created, isBuilding: isBuilding, replay: replay, isLive: isLive)
    generation.note = note
    return generation
  }
}

extension PostgresSavepoint {
  var savepoint: Savepoint {
    Savepoint(
      name: name, location: schema, schemaVersion: schemaVersion, storeID: storeID, saved: saved,
      isAutomatic: isAutomatic, positions: positions, sequenceNumber: sequenceNumber, rows: rows,
      digest: digest)
  }
}
