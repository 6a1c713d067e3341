import Eventually
import Foundation

/// One of a read model's files, while it forgets removed streams.
struct ForgettingFile {
  private let connection: SQLiteConnection
  private let removals: Removals
  /// The version of the file's tables.
  let schemaVersion: Int
  private let positions: [Partition: UInt64]

  /// Shorter, in milliseconds, than what workers wait for: rather later than that they are stalled.
  private static let busyTimeout: Int32 = 5_000

  /// - Throws: what SQLite says of a file that can't be opened, or changed.
  init(path: String) throws {
    connection = try SQLiteConnection(path: path, mode: .readWrite, busyTimeout: Self.busyTimeout)
    guard let identity = try ReadModelSchema.identity(connection) else {
      throw ReadModelError.notThisReadModel(
        location: path, found: "something else", expected: "a read model")
    }
    schemaVersion = identity.schemaVersion
    try connection.execute("PRAGMA secure_delete = ON")
    try connection.execute(ReadModelSchema.additions)
    var positions: [Partition: UInt64] = [:]
    for checkpoint in try ReadModelReader.checkpoints(connection) {
      positions[checkpoint.partition] = checkpoint.position
    }
    self.positions = positions
    removals = Removals(connection: connection)
  }

  /// What a file's own list has, which it is not changed for.
  /// - Parameter isLive: whether those count of which nothing is left in the file itself.
  static func list(path: String, isLive: Bool) throws -> [Removals.Removal] {
    let connection = try SQLiteConnection(path: path, mode: .readOnly)
    guard try Removals.exist(connection) else { return [] }
    return try Removals(connection: connection).list(upTo: isLive ? .nothing : .log)
  }

  /// Those of some removals that the file has neither come to nor forgotten early.
  func unforgotten(_ pending: Set<Removals.Removal>) throws -> [Removals.Removal] {
    let awaited = try removals.awaited()
    return pending.filter { removal in
      removal.position > positions[removal.partition] ?? 0
        && removal.position > awaited[ByteKey(removal.streamID)] ?? 0
    }.sorted { $0.position < $1.position }
  }

  /// Forgets streams before the file comes to their removals.
  /// - Parameter isSavepoint: whether the file says what the digest of its rows is.
  func forget(
    _ unforgotten: [Removals.Removal], model: any ReadModel, isSavepoint: Bool
  ) throws {
    guard !unforgotten.isEmpty else { return }
    try connection.write {
      // The digests are made anew, and would hide that something else has changed.
      if isSavepoint { try Savepoint.check(connection, model: model) }
      // Workers may have come to some of them meanwhile: to forget twice does nothing.
      let rows = Rows(over: SQLiteRowStorage(connection: connection))
      for removal in unforgotten {
        try model.forget(removal.streamID, in: rows)
        try removals.applyEarly(removal)
      }
      try rows.save()
      if isSavepoint {
        try Savepoint.reseal(connection, tables: model.tables.map { $0.schema })
      }
    }
    FaultPoint.readModelForgotten.pass()
  }

  /// Whether a replay has noted rows as differing: of which streams they are is not known.
  func hasDifferences() throws -> Bool {
    try ReadModelSchema.noteWithoutRows(connection) != nil
  }

  /// Forgets the rows that a replay has noted as differing.
  /// - Parameter model: of what the file is a savepoint, which has the note beneath its seal where it was saved by an earlier version; `nil`
  ///   where it is a generation.
  func forgetDifferences(ofSavepoint model: (any ReadModel)? = nil) throws {
    try connection.write {
      guard let rest = try ReadModelSchema.noteWithoutRows(connection) else { return }
      if let model { try Savepoint.check(connection, model: model) }
      try ReadModelSchema.replaceNote(with: rest, connection)
      if let model { try Savepoint.reseal(connection, tables: model.tables.map { $0.schema }) }
    }
  }

  /// Overwrites what is left of forgotten streams in free parts of the file, and in its log.
  ///
  /// What is deleted is overwritten at once, but for copies that SQLite leaves in free parts of pages when it moves rows
  /// from page to page. So the file is written anew, which takes workers the lock for as long.
  /// - Parameter limit: a larger file is left as it is.
  /// - Returns: why something may be left; `nil` where nothing is.
  func overwrite(limit: UInt64?) throws -> String? {
    let copied = try removals.list(upTo: .copies)
    if !copied.isEmpty {
      let size = try DiskSpace.size(of: connection)
      if let limit, size > limit {
        return "it has \(size) bytes, and is written anew by the command 'forget' alone"
      }
      try DiskSpace.require(
        size, in: URL(filePath: connection.path).deletingLastPathComponent().path())
      try connection.execute("VACUUM")
      try connection.write { try removals.mark(copied, .log) }
    }
    let logged = try removals.list(upTo: .log)
    guard !logged.isEmpty else { return nil }
    if try connection.text("PRAGMA journal_mode") == "wal" {
      if let obstacle = try emptyLog() { return obstacle.description }
    }
    // Of those that came after the file was written anew, copies may be left.
    let since = Set(try removals.list(upTo: .copies))
    try connection.write { try removals.mark(logged.filter { !since.contains($0) }, .nothing) }
    return since.isEmpty ? nil : "a stream was removed meanwhile"
  }

  /// Tries a few times: queries come and go.
  private func emptyLog() throws -> LogObstacle? {
    var hold = LogHold()
    defer { connection.setBusyTimeout(Self.busyTimeout) }
    var obstacle: LogObstacle?
    for _ in 0..<10 {
      obstacle = try connection.emptyLog(&hold)
      if obstacle == nil { break }
      Thread.sleep(forTimeInterval: Double(hold.pause.nanoseconds) / 1e9)
    }
    return obstacle
  }

  /// Takes removals off the list, of which nothing is left anywhere.
  func delete(_ forgotten: [Removals.Removal]) throws {
    try connection.write { try removals.delete(forgotten) }
  }
}
