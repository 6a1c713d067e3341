public import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A generation that is being built beside the live one, from zero or from a savepoint.
///
/// It is on disk with all that it has come to at any moment: whoever begins the same replay again, after it was killed,
/// goes on with it.
public final class Replay<Model: ReadModel>: Sendable {
  /// The generation's number.
  public let generation: Int
  /// The generation, for events to be applied to.
  public let database: ReadModelDatabase<Model>
  /// Whether it was begun before.
  public let isResumed: Bool
  private let directory: ReadModelDirectory
  private let model: Model
  /// While this exists, no other process replays the read model.
  private let lock: ReplayLock

  /// Begins a replay, or goes on with it where it was begun before.
  /// - Parameters:
  ///   - request: what was asked for, in words that are the same when it is asked for again.
  ///   - directory: the read model's files.
  ///   - model: what is made of events.
  ///   - codec: encodes and decodes events.
  ///   - storeID: the store that events come from.
  ///   - partitionCount: how many partitions the store has.
  ///   - base: the checkpoint that it begins from, asked for where it was not begun before; `nil` for zero.
  /// - Throws: ``ReadModelError/replayRunning(path:)`` where another process replays the read model, and
  ///   ``ReadModelError/unfinishedReplay(_:request:path:)`` where another replay was begun and never ended.
  public init(
    _ request: String, in directory: ReadModelDirectory, model: Model,
    codec: any EventCodec<Model.Event>, storeID: String, partitionCount: Partition,
    base: () async throws -> Savepoint?
  ) async throws {
    try directory.create()
    lock = try ReplayLock(directory)
    try directory.removeUnfinished(in: directory.path)
    let begun = try directory.list().last { $0.replay != nil && $0.isBuilding }
    if let begun {
      guard begun.replay == request else {
        throw ReadModelError.unfinishedReplay(
          begun.number, request: begun.replay ?? "", path: directory.path)
      }
      generation = begun.number
    } else {
      let base = try await base()
      try base?.verify(model: model)
      generation = try directory.exclusively { () throws(ReadModelError) in
        try directory.beginGeneration(
          request, from: base, model: model, storeID: storeID, partitionCount: partitionCount)
      }
    }
    isResumed = begun != nil
    database = try ReadModelDatabase(
      path: directory.path(of: generation), model: model, codec: codec, storeID: storeID,
      partitionCount: partitionCount)
    self.directory = directory
    self.model = model
  }

  /// How far each partition of the store is applied, as a list.
  public func positions() async throws -> [UInt64] {
    try await reader().positions()
  }

  /// Reads the generation.
  public func reader() throws(ReadModelError) -> ReadModelReader {
    try ReadModelReader(path: directory.path(of: generation), model: model, readers: 1)
  }

  /// Copies the live generation as it stands now, to be compared with; `nil` where there is none.
  public func copyLive() throws(ReadModelError) -> LiveCopy? {
    guard let live = directory.liveWithFile, live != generation else { return nil }
    let path = "\(directory.path)/live-copy\(ReadModelDirectory.unfinishedSuffix)"
    try directory.removeDatabase(path)
    try directory.copyDatabase(directory.path(of: live), to: path) { _ in }
    return LiveCopy(generation: live, path: path, directory: directory)
  }

  /// Makes the generation the live one, in one atomic step.
  ///
  /// While nobody can write to the generation that is live now, `catchUp` brings this one to where that is. So
  /// queries never see the read model step back, and running workers go on here.
  public func makeLive(catchUp: ([UInt64]) async throws -> Void) async throws {
    while true {
      guard let live = directory.liveWithFile, live != generation else { break }
      let hold = try GenerationHold(path: directory.path(of: live))
      defer { hold.release() }
      // Somebody may have switched before it was held.
      guard directory.live() == live else { continue }
      try await catchUp(try hold.positions())
      // Workers go on in the topic where they were, and not at its beginning.
      try await database.adoptOffsets(try hold.offsets())
      try directory.exclusively { () throws(ReadModelError) in try directory.link(generation) }
      break
    }
    if directory.liveWithFile == nil {
      try directory.exclusively { () throws(ReadModelError) in try directory.link(generation) }
    }
    try await end()
  }

  /// Ends the replay: the generation is built, live or not.
  public func end() async throws {
    FaultPoint.replayBuilt.pass()
    try await database.completeBuild()
  }

  /// Whether it is live already: it was killed in its very last step.
  public var isLive: Bool { directory.live() == generation }
}

/// A copy of a generation as it was live at some moment. Its file is removed with it.
public final class LiveCopy: Sendable {
  /// The generation's number.
  public let generation: Int
  /// The copy.
  public let path: String
  private let directory: ReadModelDirectory

  init(generation: Int, path: String, directory: ReadModelDirectory) {
    self.generation = generation
    self.path = path
    self.directory = directory
  }

  deinit {
    // What can't be removed now is removed when the next replay begins.
    try? directory.removeDatabase(path)
  }

  /// How far each partition of the store was applied.
  public func positions(model: any ReadModel) async throws -> [UInt64] {
    try await ReadModelReader(path: path, model: model, readers: 1).positions()
  }
}

extension ReadModelReader {
  /// How far each partition of the store is applied, as a list; 0 for nothing.
  public func positions() async throws -> [UInt64] {
    var positions = [UInt64](repeating: 0, count: Int(partitionCount))
    for checkpoint in try await checkpoints()
    where positions.indices.contains(Int(checkpoint.partition)) {
      positions[Int(checkpoint.partition)] = checkpoint.position ?? 0
    }
    return positions
  }
}

extension GenerationHold {
  /// How far each partition of the store is applied, as a list; 0 for nothing.
  fileprivate func positions() throws(ReadModelError) -> [UInt64] {
    do {
      guard let identity = try ReadModelSchema.identity(connection) else {
        throw ReadModelError.notBuilt(path: connection.path)
      }
      var positions = [UInt64](repeating: 0, count: Int(identity.partitionCount))
      for checkpoint in try ReadModelReader.checkpoints(connection)
      where positions.indices.contains(Int(checkpoint.partition)) {
        positions[Int(checkpoint.partition)] = checkpoint.position ?? 0
      }
      return positions
    } catch {
      throw .failed(connection.path, error)
    }
  }
}

extension GenerationHold {
  /// Where the bus is likely to hold what comes next of each partition, where that is known.
  fileprivate func offsets() throws(ReadModelError) -> [Partition: Int64] {
    do {
      let rows = try connection.rows(
        "SELECT partition, next_offset FROM checkpoints WHERE next_offset IS NOT NULL"
      ) { (Partition(clamping: $0.integer(0)), $0.integer(1)) }
      return Dictionary(rows) { first, _ in first }
    } catch {
      throw .failed(connection.path, error)
    }
  }
}

extension ReadModelDirectory {
  /// Makes a new generation for a replay. The caller sees to it that nobody else does.
  fileprivate func beginGeneration(
    _ request: String, from base: Savepoint?, model: any ReadModel, storeID: String,
    partitionCount: Partition
  ) throws(ReadModelError) -> Int {
    try removeLeftovers()
    let number = try takeNumber()
    let destination = path(of: number)
    let unfinished = destination + Self.unfinishedSuffix
    var build = ReadModelSchema.Build()
    build.replay = request
    build.origin = base.map { "the checkpoint '\($0.name)'" } ?? "the first event"
    do {
      if let base {
        try copyDatabase(base.path, to: unfinished) { (copy) throws(SQLiteError) in
          try Savepoint.unseal(copy)
          try ReadModelSchema.write(build, copy)
        }
      } else {
        let connection = try SQLiteConnection(path: unfinished, mode: .create)
        try ReadModelSchema.prepare(
          connection, tables: model.tables.map { $0.schema },
          identity: ReadModelSchema.Identity(
            name: model.name, schemaVersion: model.schemaVersion, storeID: storeID,
            partitionCount: partitionCount))
        try ReadModelSchema.write(build, connection)
      }
      try takeOverParkRequests(unfinished)
    } catch let error as ReadModelError {
      throw error
    } catch {
      throw .unavailable(path: unfinished, cause: error)
    }
    guard rename(unfinished, destination) == 0 else { throw systemError(destination) }
    try synchronize(path)
    return number
  }

  /// What an administrator has decided about events of unknown types holds for the next generation too.
  private func takeOverParkRequests(_ path: String) throws {
    guard let live = liveWithFile else { return }
    let requests = try ParkedEvents(
      connection: try SQLiteConnection(path: self.path(of: live), mode: .readOnly)
    ).requests()
    let parked = ParkedEvents(connection: try SQLiteConnection(path: path, mode: .create))
    for (partition, position) in requests { try parked.request(partition, position) }
  }
}
