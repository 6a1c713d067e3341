/// The generations and savepoints of one read model, in a database of any kind.
///
/// A generation is one build of the read model, with its own checkpoints. The live one is what workers work on and queries are answered
/// from; which that is changes in one atomic step. Each schema version of the read model has a live generation of its own: the code before
/// and after a change of the tables can work side by side. A catalog is of one schema version.
///
/// Its calls may block the thread of whoever calls them, as files do: long-running parts make them on a thread of their own.
public protocol ReadModelCatalog: Sendable {
  /// The read model's name.
  var name: String { get }
  /// The schema version whose live generation is meant.
  var schemaVersion: Int { get }
  /// Where the read model is, for messages: a directory's path, or an address without its password.
  var location: String { get }

  // MARK: Generations

  /// The number of the live generation; `nil` where there is none yet, or its data is gone.
  nonisolated(nonsending) func liveGeneration() async throws(ReadModelError) -> Int?

  /// What tells the live generation from others; `nil` where there is none.
  nonisolated(nonsending) func liveIdentity() async throws(ReadModelError) -> GenerationIdentity?

  /// All generations, of every schema version, in the order in which they were begun.
  nonisolated(nonsending) func list() async throws(ReadModelError) -> [Generation]

  /// A generation that exists.
  /// - Throws: ``ReadModelError/noGeneration(_:location:)``.
  nonisolated(nonsending) func generation(
    _ number: Int
  ) async throws(ReadModelError) -> Generation

  /// How many events have been applied to a generation, of any schema version.
  nonisolated(nonsending) func events(in generation: Int) async throws(ReadModelError) -> UInt64

  /// How many bytes a generation takes, of any schema version.
  nonisolated(nonsending) func size(of generation: Int) async throws(ReadModelError) -> UInt64

  /// Makes another generation the live one, in one atomic step. Running workers and queries follow by themselves.
  /// - Throws: ``ReadModelError/schemaVersion(location:found:expected:)`` where it is of another version of the code, and
  ///   ``ReadModelError/unfinishedReplay(_:request:location:)`` where a replay has not come to its end.
  nonisolated(nonsending) func makeLive(_ number: Int) async throws(ReadModelError)

  /// Deletes a generation for good.
  /// - Throws: ``ReadModelError/generationInUse(_:location:reason:)``, and ``ReadModelError/replayRunning(location:)`` where a replay is
  ///   building it.
  nonisolated(nonsending) func drop(_ number: Int) async throws(ReadModelError)

  // MARK: Opening

  /// Opens the live generation for a worker, and begins the first where there is none.
  nonisolated(nonsending) func openLive<Model: ReadModel>(
    _ model: Model, codec: any EventCodec<Model.Event>, storeID: String, partitionCount: Partition,
    parkingLimit: Int
  ) async throws(ReadModelError) -> LiveGeneration<Model.Event>

  /// Opens a generation for events to be applied to it, or for its parked events.
  nonisolated(nonsending) func openGeneration<Model: ReadModel>(
    _ generation: Int, model: Model, codec: any EventCodec<Model.Event>, storeID: String,
    partitionCount: Partition
  ) async throws(ReadModelError) -> any GenerationStore<Model.Event>

  /// Opens a generation for queries.
  /// - Parameters:
  ///   - generation: its number; `nil` for the live one, which is followed.
  ///   - readers: how many look-ups are run at a time, and as many other queries.
  ///   - timeLimit: how long a query may read; `nil` for as long as it takes.
  /// - Throws: ``ReadModelError/notBuilt(location:)`` where there is none.
  nonisolated(nonsending) func reader(
    of generation: Int?, readers: Int, timeLimit: Duration?
  ) async throws(ReadModelError) -> any ReadModelSource

  /// The state that a generation is in now.
  nonisolated(nonsending) func state(
    of generation: Int
  ) async throws(ReadModelError) -> any ReadModelState

  // MARK: Replays

  /// Takes the right to replay the read model, which at most one process has, until what is returned is gone.
  /// - Throws: ``ReadModelError/replayRunning(location:)`` where another process has it.
  nonisolated(nonsending) func lockReplay() async throws(ReadModelError) -> any ReplayRight

  /// Begins a generation for a replay, whose right the caller has.
  /// - Parameters:
  ///   - request: what was asked for, in words that are the same when it is asked for again.
  ///   - base: the savepoint that it begins from; `nil` for zero.
  ///   - model: the read model that is built.
  ///   - storeID: the store whose events are applied.
  ///   - partitionCount: how many partitions that has.
  nonisolated(nonsending) func beginGeneration(
    _ request: String, from base: Savepoint?, model: any ReadModel, storeID: String,
    partitionCount: Partition
  ) async throws(ReadModelError) -> Int

  /// Copies the live generation as it stands; `nil` where there is none. The copy is deleted with what is returned.
  nonisolated(nonsending) func copyLive() async throws(ReadModelError) -> (
    generation: Int, state: any ReadModelState
  )?

  /// Keeps everybody from writing to a generation; `nil` where it is not the live one.
  nonisolated(nonsending) func hold(
    live generation: Int
  ) async throws(ReadModelError) -> (any GenerationHold)?

  /// Makes a generation the live one where none is live.
  nonisolated(nonsending) func makeFirstLive(_ generation: Int) async throws(ReadModelError)

  // MARK: Savepoints

  /// Saves the live generation as it stands under a name, while workers go on.
  /// - Parameters:
  ///   - name: what the savepoint is called.
  ///   - model: the read model that it is of.
  ///   - isAutomatic: whether a worker saves it by itself.
  ///   - isDue: asked with the savepoints that there are, once nobody else can save one.
  /// - Returns: what was saved; `nil` where it was not due any more.
  /// - Throws: ``ReadModelError``. Where it throws, there is no savepoint of that name that was not there before.
  nonisolated(nonsending) func saveSavepoint(
    _ name: String, of model: any ReadModel, isAutomatic: Bool, isDue: ([Savepoint]) -> Bool
  ) async throws(ReadModelError) -> Savepoint?

  /// A savepoint, as it says of itself; ``verify(_:model:)`` holds it against its digest.
  nonisolated(nonsending) func savepoint(_ name: String) async throws(ReadModelError) -> Savepoint

  /// The names of all savepoints, of every schema version.
  nonisolated(nonsending) func savepointNames() async throws(ReadModelError) -> [String]

  /// All savepoints of this schema version that can be read, the oldest first.
  nonisolated(nonsending) func savepoints() async throws(ReadModelError) -> [Savepoint]

  /// Deletes a savepoint for good.
  nonisolated(nonsending) func deleteSavepoint(_ name: String) async throws(ReadModelError)

  /// Reads a savepoint whole.
  /// - Throws: ``ReadModelError/savepointSchemaVersion(_:found:expected:)`` where `model` has other tables,
  ///   ``ReadModelError/notThisReadModel(location:found:expected:)`` where it is of another read model, and
  ///   ``ReadModelError/damagedSavepoint(_:location:reason:)`` where it is not what was saved.
  nonisolated(nonsending) func verify(
    _ savepoint: Savepoint, model: any ReadModel
  ) async throws(ReadModelError)

  // MARK: Forgetting

  /// Whether the live generation knows of removed streams of which something may be left.
  nonisolated(nonsending) func hasPendingRemovals() async throws(ReadModelError) -> Bool

  /// Leaves nothing of removed streams in any generation or savepoint, and goes on with what an earlier call was killed in.
  /// - Parameters:
  ///   - model: forgets rows.
  ///   - isWorker: whether workers wait for it: then it leaves what takes long.
  ///   - progress: called before each part with which it is, and how much of all is done.
  /// - Throws: ``ReadModelError`` where it can't be found out what there is to forget.
  nonisolated(nonsending) func forgetRemoved(
    _ model: any ReadModel, asWorker isWorker: Bool,
    progress: (_ part: String, _ done: Double) -> Void
  ) async throws(ReadModelError) -> ForgettingOutcome
}

/// The right to replay a read model; given back with the last reference, and by the end of the process.
public protocol ReplayRight: AnyObject, Sendable {}

extension ReadModelCatalog {
  /// Makes sure that the live generation, where there is one, is of a store: what is built from another one never takes its place.
  /// - Throws: ``ReadModelError/otherStore(location:found:expected:)`` and
  ///   ``ReadModelError/partitionCount(location:found:expected:)``.
  package nonisolated(nonsending) func checkLive(
    isOf log: any EventLog
  ) async throws(ReadModelError) {
    guard try await liveGeneration() != nil else { return }
    try await check(nil, isOf: log)
  }

  /// Makes sure that a generation is of a store.
  /// - Parameter generation: its number; `nil` for the live one.
  /// - Throws: ``ReadModelError/otherStore(location:found:expected:)``,
  ///   ``ReadModelError/partitionCount(location:found:expected:)``, ``ReadModelError/noGeneration(_:location:)``, and what
  ///   ``reader(of:readers:timeLimit:)`` throws.
  package nonisolated(nonsending) func check(
    _ generation: Int?, isOf log: any EventLog
  ) async throws(ReadModelError) {
    // Where there is none of that number, that is what is said.
    if let generation { _ = try await self.generation(generation) }
    let found = try await reader(of: generation, readers: 1, timeLimit: nil)
    guard found.storeID == log.storeID else {
      throw .otherStore(location: found.location, found: found.storeID, expected: log.storeID)
    }
    guard found.partitionCount == log.partitionCount else {
      throw .partitionCount(
        location: found.location, found: found.partitionCount, expected: log.partitionCount)
    }
  }

  /// The savepoint with the most events among those that have nothing after some positions.
  public nonisolated(nonsending) func newestSavepoint(
    atOrBefore heads: [UInt64], of storeID: String
  ) async throws(ReadModelError) -> Savepoint? {
    try await savepoints().filter { $0.storeID == storeID && $0.isAtOrBefore(heads) }
      .max { $0.events < $1.events }
  }
}

/// What came of forgetting removed streams.
public struct ForgettingOutcome: Sendable, Hashable {
  /// A place that may still hold something of a removed stream.
  public struct Remainder: Sendable, Hashable {
    /// Where: a file's path, or a schema's name.
    public var location: String
    /// Why, and what to do.
    public var reason: String

    /// A place from its parts.
    public init(location: String, reason: String) {
      self.location = location
      self.reason = reason
    }
  }

  /// How many removed streams something was left of.
  public var removals: Int
  /// What may still hold something of them; nothing, where they are forgotten.
  public var left: [Remainder]

  /// An outcome from its parts.
  public init(removals: Int = 0, left: [Remainder] = []) {
    self.removals = removals
    self.left = left
  }
}
