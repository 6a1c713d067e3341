public import Eventually

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How far a read model is in one partition.
public struct CheckpointStatus: Sendable, Hashable {
  /// The partition.
  public var partition: Partition
  /// The number of the lease that was taken last.
  public var epoch: UInt64
  /// The partition sequence that was applied last; `nil` for never.
  public var position: UInt64?
  /// The worker that took the partition last.
  public var owner: String
  /// When events were applied last, or the partition was first taken where none ever was.
  public var updated: Timestamp
}

/// Answers queries on a read model's database: any number of processes may, beside the workers.
public final class ReadModelReader: Sendable {
  /// The database file.
  public let path: String
  /// The store that the read model is built from.
  public let storeID: String
  /// How many partitions that store has.
  public let partitionCount: Partition
  private let readers: SQLiteReaderPool
  private let watch: CheckpointWatch

  /// Opens a read model's database that exists.
  /// - Throws: ``ReadModelError`` where it is another read model's or of another version.
  public init(
    path: String, model: any ReadModel, readers: Int = 2
  ) throws(ReadModelError) {
    // All connections must be to the same file, whatever a link to it says meanwhile.
    let path = Self.resolved(path)
    do {
      let connection = try SQLiteConnection(path: path, mode: .readOnly)
      guard let found = try ReadModelSchema.identity(connection) else {
        throw ReadModelError.notThisReadModel(
          path: path, found: "something else", expected: model.name)
      }
      var expected = found
      expected.name = model.name
      expected.schemaVersion = model.schemaVersion
      try ReadModelSchema.check(connection, against: expected)
      storeID = found.storeID
      partitionCount = found.partitionCount
      self.path = path
      watch = CheckpointWatch(path: path)
      self.readers = try SQLiteReaderPool(path: path, count: readers)
    } catch let error as ReadModelError {
      throw error
    } catch {
      throw .unavailable(path: path, cause: error)
    }
  }

  /// The file that a path leads to; the path itself where it leads nowhere.
  private static func resolved(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Runs a query; all of its reads see one state of the read model.
  public func read<Result: Sendable>(
    _ body: @Sendable (SQLiteConnection) throws -> Result
  ) async throws -> Result {
    try await readers.read { connection in try connection.snapshot { try body(connection) } }
  }

  /// Waits until the read model has applied a partition up to a position.
  /// - Returns: how far the partition has been applied, which is less where the time is up; `nil` for never.
  public func wait(
    for position: UInt64, in partition: Partition, atMost limit: Duration
  ) async throws -> UInt64? {
    try await watch.wait(for: position, in: partition, atMost: limit)
  }

  /// Whether the read model has never caught up with the store yet.
  public func isBuilding() async throws -> Bool {
    try await read { try ReadModelSchema.build($0).isBuilding }
  }

  /// How far the read model is, for each partition that a worker has ever taken.
  public func checkpoints() async throws -> [CheckpointStatus] {
    try await read { try Self.checkpoints($0) }
  }

  /// The same on a connection, so that it can share a snapshot with a query.
  public static func checkpoints(_ connection: SQLiteConnection) throws -> [CheckpointStatus] {
    try connection.rows(
      "SELECT partition, epoch, position, owner, updated FROM checkpoints ORDER BY partition"
    ) { row in
      CheckpointStatus(
        partition: Partition(clamping: row.integer(0)), epoch: row.unsigned(1),
        position: row.optionalInteger(2).map { UInt64(clamping: $0) }, owner: row.text(3),
        updated: Timestamp(microseconds: row.integer(4)))
    }
  }
}
