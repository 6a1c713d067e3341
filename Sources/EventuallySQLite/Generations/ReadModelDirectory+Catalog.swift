public import Eventually
import Foundation

extension ReadModelDirectory: ReadModelCatalog {
  /// The directory.
  public var location: String { path }

  /// The number of the live generation; `nil` too where its file is gone, as a damaged one that was moved away is.
  public func liveGeneration() -> Int? { liveWithFile }

  /// What tells the live generation's file from others.
  public func liveIdentity() -> GenerationIdentity? { liveFile.map { GenerationIdentity($0) } }

  /// How many bytes a generation's files take.
  public func size(of generation: Int) -> UInt64 {
    ["", "-wal"].reduce(0) { sum, suffix in
      // A log is not always there, and what is gone has no size.
      let attributes = try? FileManager.default.attributesOfItem(
        atPath: path(of: generation) + suffix)
      return sum + (attributes?[.size] as? UInt64 ?? 0)
    }
  }

  /// Opens the live generation, and begins the first where there is none.
  public func openLive<Model: ReadModel>(
    _ model: Model, codec: any EventCodec<Model.Event>, storeID: String, partitionCount: Partition,
    parkingLimit: Int
  ) throws(ReadModelError) -> LiveGeneration<Model.Event> {
    let live: (generation: Int, database: ReadModelDatabase<Model>) = try openLive(
      model, codec: codec, storeID: storeID, partitionCount: partitionCount,
      parkingLimit: parkingLimit)
    return LiveGeneration(
      number: live.generation,
      identity: FileIdentity(path: path(of: live.generation)).map { GenerationIdentity($0) },
      store: live.database)
  }

  /// Opens a generation for events to be applied to it.
  public func openGeneration<Model: ReadModel>(
    _ generation: Int, model: Model, codec: any EventCodec<Model.Event>, storeID: String,
    partitionCount: Partition
  ) throws(ReadModelError) -> any GenerationStore<Model.Event> {
    try ReadModelDatabase(
      path: path(of: generation), model: model, codec: codec, storeID: storeID,
      partitionCount: partitionCount)
  }

  /// Opens a generation for queries; the live one, which is followed, where it is `nil`.
  public func reader(
    of generation: Int?, readers: Int, timeLimit: Duration?
  ) throws(ReadModelError) -> any ReadModelSource {
    try ReadModelReader(
      path: generation.map { path(of: $0) } ?? livePath, name: name, schemaVersion: schemaVersion,
      readers: readers, timeLimit: timeLimit)
  }

  /// The state that a generation's file is in now.
  public func state(of generation: Int) throws(ReadModelError) -> any ReadModelState {
    try ReadModelSnapshot(path: path(of: generation))
  }

  /// Takes the right to replay the read model, and removes what a killed replay has left.
  public func lockReplay() throws(ReadModelError) -> any ReplayRight {
    try create()
    let lock = try ReplayLock(self)
    try removeUnfinished(in: path)
    return lock
  }

  /// Copies the live generation as it stands; `nil` where there is none.
  public func copyLive() throws(ReadModelError) -> (generation: Int, state: any ReadModelState)? {
    guard let live = liveWithFile else { return nil }
    let path = "\(path)/live-copy\(Self.unfinishedSuffix)"
    try removeDatabase(path)
    try copyDatabase(self.path(of: live), to: path) { _ in }
    return (live, try LiveCopy(path: path, directory: self))
  }

  /// Keeps everybody from writing to a generation; `nil` where it is not the live one.
  public func hold(live generation: Int) throws(ReadModelError) -> (any GenerationHold)? {
    let hold = try FileHold(self, generation: generation)
    if live() == generation { return hold }
    hold.release()
    return nil
  }

  /// Makes a generation the live one where none is live.
  public func makeFirstLive(_ generation: Int) throws(ReadModelError) {
    try exclusively { () throws(ReadModelError) in try link(generation) }
  }

  /// Reads a savepoint's file whole.
  public func verify(_ savepoint: Savepoint, model: any ReadModel) throws(ReadModelError) {
    try savepoint.verify(model: model)
  }

  /// Whether the live generation knows of removed streams of which something may be left.
  public func hasPendingRemovals() throws(ReadModelError) -> Bool {
    guard let live = live() else { return false }
    let path = path(of: live)
    do {
      let connection = try SQLiteConnection(path: path, mode: .readOnly)
      guard try Removals.exist(connection) else { return false }
      return try connection.integer("SELECT count(*) FROM (SELECT 1 FROM removals LIMIT 1)") == 1
    } catch {
      throw .unavailable(location: path, cause: error)
    }
  }

  /// Leaves nothing of removed streams in any of the read model's files.
  public func forgetRemoved(
    _ model: any ReadModel, asWorker isWorker: Bool,
    progress: (_ part: String, _ done: Double) -> Void
  ) throws(ReadModelError) -> ForgettingOutcome {
    try forgetRemoved(
      model, liveLimit: isWorker ? Self.workerForgettingLimit : nil, progress: progress)
  }
}

extension GenerationIdentity {
  init(_ file: FileIdentity) {
    self.init(UInt64(bitPattern: file.device), UInt64(bitPattern: file.inode))
  }
}

extension ReadModelDatabase: GenerationStore {
  /// The database file.
  public nonisolated var location: String { path }

  /// How far each partition of the store is applied, as a list; 0 for nothing.
  public func positions() throws(ReadModelError) -> [UInt64] {
    do {
      let count = try connection.integer("SELECT value FROM readmodel WHERE key = 'partitions'")
      return try ReadModelReader.checkpoints(connection).positions(
        of: Partition(clamping: count ?? 0))
    } catch {
      throw Self.wrap(error, path: path)
    }
  }
}
