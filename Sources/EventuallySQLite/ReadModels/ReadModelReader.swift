public import Eventually

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Answers queries on a read model's database: any number of processes may, beside the workers.
///
/// Opened by the link to the live generation, it follows: each call is answered from the generation that is live then. What
/// is to be answered from one generation, as a wait and the query after it, is asked of ``current()``.
public final class ReadModelReader: ReadModelSource {
  /// What is open of one file. All connections are to that file, whatever a link to it says meanwhile.
  private struct Opened {
    var path: String
    var file: FileIdentity?
    var lookUps: SQLiteReaderPool
    var scans: SQLiteReaderPool
    var watch: CheckpointWatch
  }

  /// What it takes to open what a link leads to.
  private struct Link {
    var path: String
    var name: String
    var schemaVersion: Int
    var readers: Int
    var timeLimit: Duration?
  }

  /// The link that is followed; `nil` where one file is read for good.
  private let link: Link?
  private let timeLimit: Duration?
  private let opened: Locked<Opened>
  /// The database file that is read at the moment.
  public var path: String { opened.withLock { $0.path } }
  /// The same.
  public var location: String { path }
  /// The store that the read model is built from.
  public let storeID: String
  /// How many partitions that store has.
  public let partitionCount: Partition

  /// Opens a read model's database that exists.
  /// - Parameters:
  ///   - path: the database file, or the link to the live generation, which is followed.
  ///   - model: the read model that it must be of.
  ///   - readers: how many connections there are for look-ups, and as many again for all other queries.
  ///   - timeLimit: how long a query may read; `nil` for as long as it takes.
  /// - Throws: `ReadModelError` where it is another read model's or of another version.
  public convenience init(
    path: String, model: any ReadModel, readers: Int = 2, timeLimit: Duration? = nil
  ) throws(ReadModelError) {
    try self.init(
      path: path, name: model.name, schemaVersion: model.schemaVersion, readers: readers,
      timeLimit: timeLimit)
  }

  /// The same by what a database says of itself.
  init(
    path: String, name: String, schemaVersion: Int, readers: Int, timeLimit: Duration?
  ) throws(ReadModelError) {
    let link = Link(
      path: path, name: name, schemaVersion: schemaVersion, readers: readers, timeLimit: timeLimit)
    self.timeLimit = timeLimit
    let (opened, identity) = try Self.open(link)
    storeID = identity.storeID
    partitionCount = identity.partitionCount
    self.opened = Locked(opened)
    self.link = opened.path == path || !Self.isLink(path) ? nil : link
  }

  /// A reader of one file for good.
  private init(
    _ opened: Opened, storeID: String, partitionCount: Partition, timeLimit: Duration?
  ) {
    link = nil
    self.timeLimit = timeLimit
    self.storeID = storeID
    self.partitionCount = partitionCount
    self.opened = Locked(opened)
  }

  private static func open(
    _ link: Link
  ) throws(ReadModelError) -> (Opened, ReadModelSchema.Identity) {
    let path = resolved(link.path)
    // Before it is opened: where it is replaced meanwhile, the next call sees another file.
    guard let file = FileIdentity(path: path) else { throw .notBuilt(location: link.path) }
    do {
      let connection = try SQLiteConnection(path: path, mode: .readOnly)
      guard let found = try ReadModelSchema.identity(connection) else {
        throw ReadModelError.notThisReadModel(
          location: path, found: "something else", expected: link.name)
      }
      var expected = found
      expected.name = link.name
      expected.schemaVersion = link.schemaVersion
      try ReadModelSchema.check(connection, against: expected)
      let opened = Opened(
        path: path, file: file,
        lookUps: try SQLiteReaderPool(
          path: path, count: link.readers, timeLimit: link.timeLimit),
        scans: try SQLiteReaderPool(path: path, count: link.readers, timeLimit: link.timeLimit),
        watch: CheckpointWatch(path: path))
      return (opened, found)
    } catch {
      throw .failed(path, error)
    }
  }

  /// What is live now, opened where another generation has become that. Where the link leads nowhere, its file was deleted.
  private func follow() throws(ReadModelError) -> Opened {
    // Opening is rare, and whoever comes meanwhile needs the same.
    try opened.withLock { (opened) throws(ReadModelError) -> Opened in
      guard let link else { return opened }
      guard let file = FileIdentity(path: link.path) else { throw .notBuilt(location: link.path) }
      if file == opened.file { return opened }
      let (next, identity) = try Self.open(link)
      guard identity.storeID == storeID, identity.partitionCount == partitionCount else {
        throw .otherStore(location: next.path, found: identity.storeID, expected: storeID)
      }
      opened = next
      return next
    }
  }

  /// A reader that stays with the generation that is live now.
  /// - Throws: `ReadModelError` where another generation has become live, and can't be opened.
  public func current() throws(ReadModelError) -> ReadModelReader {
    ReadModelReader(
      try follow(), storeID: storeID, partitionCount: partitionCount, timeLimit: timeLimit)
  }

  /// A reader that stays with the generation that is live now.
  public func pinned() async throws(ReadModelError) -> any ReadModelSource { try current() }

  private static func isLink(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  /// The file that a path leads to; the path itself where it leads nowhere.
  private static func resolved(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Runs a query that reads a few rows by their keys; all of its reads see one state of the read model. It does not wait
  /// behind queries that read more, of which ``read(_:)`` runs a few at a time.
  /// - Throws: `ReadModelError.timeLimit(_:location:)` where it takes longer than it may, and what `body` throws.
  public func lookUp<Result: Sendable>(
    _ body: @Sendable (any SQLRows) throws -> Result
  ) async throws -> Result {
    try await lookUpOwn { try body(SQLiteRowReader($0)) }
  }

  /// The same on a connection.
  func lookUpOwn<Result: Sendable>(
    _ body: @Sendable (SQLiteConnection) throws -> Result
  ) async throws -> Result {
    let opened = try follow()
    return try await run(opened.lookUps, opened.path, body)
  }

  private func run<Result: Sendable>(
    _ pool: SQLiteReaderPool, _ path: String,
    _ body: @Sendable (SQLiteConnection) throws -> Result
  ) async throws -> Result {
    do {
      return try await pool.read { connection in try connection.snapshot { try body(connection) } }
    } catch let error as SQLiteError where error.isInterrupted {
      throw ReadModelError.timeLimit(timeLimit ?? .zero, location: path)
    } catch let error as SQLiteError where error.isDamage {
      throw ReadModelError.damaged(location: path, cause: error)
    } catch let error as ReadModelDamage {
      throw ReadModelError.damaged(location: path, cause: error)
    }
  }

  /// Runs a query; all of its reads see one state of the read model.
  /// - Throws: `ReadModelError.timeLimit(_:location:)` where it takes longer than it may, and what `body` throws.
  public func read<Result: Sendable>(
    _ body: @Sendable (any SQLRows) throws -> Result
  ) async throws -> Result {
    try await withConnection { try body(SQLiteRowReader($0)) }
  }

  /// The same on a connection, for what only SQLite has.
  public func withConnection<Result: Sendable>(
    _ body: @Sendable (SQLiteConnection) throws -> Result
  ) async throws -> Result {
    let opened = try follow()
    return try await run(opened.scans, opened.path, body)
  }

  /// The same for a statement that is this library's: where a column is not there, it is not the caller who is wrong.
  func readOwn<Result: Sendable>(
    _ body: @Sendable (SQLiteConnection) throws -> Result
  ) async throws -> Result {
    do {
      return try await withConnection(body)
    } catch let error as SQLiteError where error.isOfOtherTables {
      throw ReadModelError.damaged(location: path, cause: error)
    }
  }

  /// Waits until the read model has applied a partition up to a position.
  /// - Returns: how far the partition has been applied, which is less where the time is up; `nil` for never.
  public func wait(
    for position: UInt64, in partition: Partition, atMost limit: Duration
  ) async throws -> UInt64? {
    let deadline = ContinuousClock.now + limit
    while true {
      let left = deadline - ContinuousClock.now
      // In steps, since a generation that is not live any more comes no further.
      let step = link == nil ? left : min(left, .milliseconds(250))
      let reached = try await follow().watch.wait(for: position, in: partition, atMost: step)
      if reached ?? 0 >= position || step == left { return reached }
    }
  }

  /// What the read model is at: another value where anything was written since, or another generation is live.
  public func version() async throws -> ReadModelVersion {
    let opened = try follow()
    return ReadModelVersion(
      opened.file?.device, opened.file?.inode, try await opened.watch.dataVersion())
  }

  /// Whether the read model has never caught up with the store yet.
  public func isBuilding() async throws -> Bool {
    try await lookUpOwn { try ReadModelSchema.build($0).isBuilding }
  }

  /// How far the read model is, for each partition that a worker has ever taken.
  public func checkpoints() async throws -> [CheckpointStatus] {
    try await lookUpOwn { try Self.checkpoints($0) }
  }

  /// The same on a connection, so that it can share a snapshot with a query.
  /// - Throws: `ReadModelError.damaged(location:cause:)` where one says what can't be.
  public static func checkpoints(_ connection: SQLiteConnection) throws -> [CheckpointStatus] {
    do {
      let count = try connection.integer("SELECT value FROM readmodel WHERE key = 'partitions'")
      var last: Partition = -1
      return try connection.rows(
        "SELECT partition, epoch, position, owner, updated FROM checkpoints ORDER BY partition"
      ) { row in
        let partition = try Checkpoints.partition(row, 0, of: count ?? 0)
        guard partition > last else {
          throw ReadModelDamage("it has two checkpoints of partition \(partition)")
        }
        last = partition
        return CheckpointStatus(
          partition: partition, epoch: row.unsigned(1),
          position: try Checkpoints.position(row, 2, partition), owner: row.text(3),
          updated: Timestamp(microseconds: row.integer(4)))
      }
    } catch let error as ReadModelDamage {
      throw ReadModelError.damaged(location: connection.path, cause: error)
    }
  }
}
