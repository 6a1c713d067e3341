import Eventually

/// The tables of a read model's database: its own, and those that say what it is and how far it is.
enum ReadModelSchema {
  /// What a database is bound to.
  struct Identity: Sendable, Hashable {
    var name: String
    var schemaVersion: Int
    var storeID: String
    var partitionCount: Partition
  }

  private static let tables = """
    CREATE TABLE readmodel (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
    CREATE TABLE checkpoints (
      partition INTEGER PRIMARY KEY,
      epoch INTEGER NOT NULL,
      position INTEGER,
      sequence INTEGER,
      next_offset INTEGER,
      event_id BLOB,
      owner TEXT NOT NULL,
      updated INTEGER NOT NULL
    );
    """

  /// What was not applied, and why.
  private static let unapplied = """
    CREATE TABLE IF NOT EXISTS parked_streams (
      stream TEXT PRIMARY KEY,
      partition INTEGER NOT NULL,
      reason TEXT NOT NULL,
      since INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS parked_events (
      stream TEXT NOT NULL,
      position INTEGER NOT NULL,
      partition INTEGER NOT NULL,
      sequence INTEGER NOT NULL,
      version INTEGER NOT NULL,
      id BLOB NOT NULL,
      type TEXT NOT NULL,
      time INTEGER NOT NULL,
      payload BLOB NOT NULL,
      metadata BLOB,
      PRIMARY KEY (stream, position)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS dropped_events (
      partition INTEGER NOT NULL,
      position INTEGER NOT NULL,
      stream TEXT NOT NULL,
      reason TEXT NOT NULL,
      PRIMARY KEY (partition, position)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS park_requests (
      partition INTEGER NOT NULL,
      position INTEGER NOT NULL,
      PRIMARY KEY (partition, position)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS foreign_records (
      partition INTEGER NOT NULL,
      offset INTEGER NOT NULL,
      reason TEXT NOT NULL,
      key BLOB NOT NULL,
      value BLOB NOT NULL,
      size INTEGER NOT NULL,
      seen INTEGER NOT NULL,
      PRIMARY KEY (partition, offset)
    ) WITHOUT ROWID;
    """

  /// Tables that databases of earlier versions may not have.
  static let additions = unapplied + ForgedEvents.table + Removals.tables

  /// How a database came to be.
  struct Build: Sendable, Hashable {
    /// What it was begun from, in words.
    var origin = "the first event"
    var created = Timestamp.now()
    /// It has never caught up with the store yet.
    var isBuilding = true
    /// What the replay that builds it was asked for, where one does.
    var replay: String?
    /// What that has told of itself last.
    var note: ReplayNote?
  }

  /// The keys of what a replay tells of itself, and of when it did.
  static let noteKeys = (text: "replay_note", time: "replay_noted")

  /// Keeps what a replay tells of itself.
  static func write(note: String, _ connection: SQLiteConnection) throws(SQLiteError) {
    let insert = "INSERT OR REPLACE INTO readmodel VALUES (?, ?)"
    try connection.run(insert, .text(noteKeys.text), .text(note))
    try connection.run(insert, .text(noteKeys.time), .integer(Timestamp.now().microseconds))
  }

  /// What a replay has told of itself without the rows of the read model in it; `nil` where it has none.
  static func noteWithoutRows(_ connection: SQLiteConnection) throws -> String? {
    try note(connection).flatMap { try ReplayRecord.withoutRows($0.text) }
  }

  /// Puts another text in the place of what a replay has told of itself.
  static func replaceNote(with text: String, _ connection: SQLiteConnection) throws(SQLiteError) {
    try connection.run(
      "UPDATE readmodel SET value = ? WHERE key = ?", .text(text), .text(noteKeys.text))
  }

  /// Drops what a replay has told of itself.
  static func dropNote(_ connection: SQLiteConnection) throws(SQLiteError) {
    try connection.run(
      "DELETE FROM readmodel WHERE key IN (?, ?)", .text(noteKeys.text), .text(noteKeys.time))
  }

  private static func note(_ connection: SQLiteConnection) throws(SQLiteError) -> ReplayNote? {
    let select = "SELECT value FROM readmodel WHERE key = ?"
    guard let text = try connection.text(select, .text(noteKeys.text)),
      let noted = try connection.integer(select, .text(noteKeys.time))
    else { return nil }
    let (age, isOverflow) = Timestamp.now().microseconds.subtractingReportingOverflow(noted)
    return ReplayNote(text: text, age: .microseconds(isOverflow ? .max : max(age, 0)))
  }

  /// Creates the tables where there are none, and refuses what belongs to another read model, version or
  /// store.
  static func prepare(
    _ connection: SQLiteConnection, tables: [TableSchema], identity: Identity
  ) throws {
    try connection.useWriteAheadLog()
    // What is deleted is overwritten, not only unlinked.
    try connection.execute("PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON")
    try connection.execute("PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4000")
    try connection.write {
      if try connection.integer("SELECT count(*) FROM sqlite_schema") == 0 {
        try create(connection, tables: tables, identity: identity)
      }
    }
    try check(connection, against: identity)
    try connection.execute(additions)
    try ForgedEvents.addEventID(connection)
  }

  private static func create(
    _ connection: SQLiteConnection, tables: [TableSchema], identity: Identity
  ) throws {
    try connection.execute(Self.tables)
    for table in tables { try connection.execute(sql(table)) }
    let insert = "INSERT INTO readmodel VALUES (?, ?)"
    try connection.run(insert, .text("name"), .text(identity.name))
    try connection.run(
      insert, .text("schema_version"), .integer(Int64(identity.schemaVersion)))
    try connection.run(insert, .text("store_id"), .text(identity.storeID))
    try connection.run(insert, .text("partitions"), .integer(Int64(identity.partitionCount)))
    try write(Build(), connection)
  }

  /// How a database came to be.
  static func build(_ connection: SQLiteConnection) throws(SQLiteError) -> Build {
    let select = "SELECT value FROM readmodel WHERE key = ?"
    let created = try connection.integer(select, .text("created"))
    return Build(
      origin: try connection.text(select, .text("origin")) ?? "",
      created: Timestamp(microseconds: created ?? 0),
      isBuilding: try connection.integer(select, .text("building")) == 1,
      replay: try connection.text(select, .text("replay")), note: try note(connection))
  }

  /// Notes how a database came to be. A note is kept as it is, or goes where there is none.
  static func write(_ build: Build, _ connection: SQLiteConnection) throws(SQLiteError) {
    let insert = "INSERT OR REPLACE INTO readmodel VALUES (?, ?)"
    try connection.run(insert, .text("origin"), .text(build.origin))
    try connection.run(insert, .text("created"), .integer(build.created.microseconds))
    try connection.run(insert, .text("building"), .integer(build.isBuilding ? 1 : 0))
    if let replay = build.replay {
      try connection.run(insert, .text("replay"), .text(replay))
    } else {
      try connection.run("DELETE FROM readmodel WHERE key = 'replay'")
    }
    if build.note == nil { try dropNote(connection) }
  }

  /// The identity of a database, `nil` where it is not a read model's.
  static func identity(_ connection: SQLiteConnection) throws -> Identity? {
    guard
      try connection.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'readmodel'") == 1
    else { return nil }
    let select = "SELECT value FROM readmodel WHERE key = ?"
    guard let name = try connection.text(select, .text("name")),
      let version = try connection.integer(select, .text("schema_version")),
      let storeID = try connection.text(select, .text("store_id")),
      let partitions = try connection.integer(select, .text("partitions"))
    else { return nil }
    guard let partitionCount = Partition(exactly: partitions),
      StoreSchema.partitionCounts.contains(partitions)
    else { throw ReadModelDamage("it says that its store has \(partitions) partitions") }
    return Identity(
      name: name, schemaVersion: Int(version), storeID: storeID, partitionCount: partitionCount)
  }

  static func check(_ connection: SQLiteConnection, against expected: Identity) throws {
    let path = connection.path
    guard let found = try identity(connection) else {
      throw ReadModelError.notThisReadModel(
        location: path, found: "something else", expected: expected.name)
    }
    if found.name != expected.name {
      throw ReadModelError.notThisReadModel(
        location: path, found: "the read model '\(found.name)'", expected: expected.name)
    }
    if found.schemaVersion != expected.schemaVersion {
      throw ReadModelError.schemaVersion(
        location: path, found: found.schemaVersion, expected: expected.schemaVersion)
    }
    if found.storeID != expected.storeID {
      throw ReadModelError.otherStore(
        location: path, found: found.storeID, expected: expected.storeID)
    }
    if found.partitionCount != expected.partitionCount {
      throw ReadModelError.partitionCount(
        location: path, found: found.partitionCount, expected: expected.partitionCount)
    }
  }

  private static func sql(_ table: TableSchema) -> String {
    let columns = (table.key + table.values).map { column in
      "\(column.name) \(column.kind == .integer ? "INTEGER" : "TEXT")"
    }
    let key = table.key.map(\.name).joined(separator: ", ")
    var sql =
      "CREATE TABLE \(table.name) (\(columns.joined(separator: ", ")), PRIMARY KEY (\(key))) "
      + "WITHOUT ROWID;"
    for (number, columns) in table.indexes.enumerated() {
      sql += "CREATE INDEX \(table.name)_\(number) ON \(table.name) "
      sql += "(\(columns.joined(separator: ", ")));"
    }
    return sql
  }
}
