import Eventually
import Foundation

/// The tables of an event store's file.
///
/// An event's row carries the sequence number of the event before it in the same stream, and `streams` that of
/// the last one: reading a stream walks back along these links. An index by stream and version would cost
/// every append a random page for each event.
enum StoreSchema {
  /// What leads from each version of the tables to the next, from an empty file on. A step never changes once
  /// stores have been made with it: what is to be different comes in a further step.
  private static let steps = [version1, version2, version3, version4, version5, version6]

  /// The version that this code works with; stored as SQLite's `user_version`.
  static let version = Int64(steps.count)

  private static let version1 = """
    CREATE TABLE store (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
    CREATE TABLE streams (
      key INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      partition INTEGER NOT NULL,
      version INTEGER NOT NULL,
      head INTEGER NOT NULL
    );
    CREATE TABLE events (
      sequence INTEGER PRIMARY KEY,
      stream INTEGER NOT NULL,
      version INTEGER NOT NULL,
      previous INTEGER NOT NULL,
      partition INTEGER NOT NULL,
      partition_sequence INTEGER NOT NULL,
      type TEXT NOT NULL,
      id BLOB NOT NULL,
      time INTEGER NOT NULL,
      payload BLOB NOT NULL
    );
    CREATE UNIQUE INDEX events_by_partition ON events (partition, partition_sequence);
    """

  /// Snapshots: a state for a stream, and the event that it is after.
  private static let version2 = """
    CREATE TABLE snapshots (
      stream INTEGER PRIMARY KEY,
      version INTEGER NOT NULL,
      sequence INTEGER NOT NULL,
      schema_version INTEGER NOT NULL,
      payload BLOB NOT NULL
    );
    """

  /// What led to an event; nothing for most.
  private static let version3 = "ALTER TABLE events ADD COLUMN metadata BLOB;"

  /// How many bytes a stream's events take, so that a limit can be held without reading them.
  private static let version4 = """
    ALTER TABLE streams ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
    UPDATE streams SET bytes = sizes.bytes FROM (
      SELECT stream, sum(length(payload)) AS bytes
      FROM events GROUP BY stream
    ) AS sizes WHERE sizes.stream = streams.key;
    CREATE INDEX large_streams ON streams (bytes) WHERE bytes >= 262144;
    """

  /// How many partitions a store can have.
  static let partitionCounts: ClosedRange<Int64> = 1...10_000

  /// Removals whose events may still be in the log, and those of which nothing is left. Snapshots are made anew, in rows
  /// of which nothing is left when they go: see ``SnapshotTable``.
  private static let version5 = """
    CREATE TABLE erasures (
      stream INTEGER PRIMARY KEY,
      sequence INTEGER NOT NULL,
      partition_sequence INTEGER NOT NULL,
      removed INTEGER NOT NULL,
      erased INTEGER
    );
    CREATE INDEX pending_erasures ON erasures (sequence) WHERE erased IS NULL;
    INSERT INTO erasures
      SELECT stream, max(sequence), partition_sequence, time, NULL
      FROM events WHERE type = 'eventually.removed' GROUP BY stream;
    DROP TABLE snapshots;
    CREATE TABLE snapshots (
      stream INTEGER PRIMARY KEY,
      version INTEGER NOT NULL,
      sequence INTEGER NOT NULL,
      schema_version INTEGER NOT NULL,
      size INTEGER NOT NULL,
      zeros BLOB NOT NULL,
      payload BLOB NOT NULL
    );
    """

  /// Idempotency keys: see ``KeyTable``. Nothing but the writer's process reads them.
  private static let version6 = """
    CREATE TABLE idempotency_keys (
      stream INTEGER NOT NULL,
      key BLOB NOT NULL,
      sequence INTEGER NOT NULL,
      time INTEGER NOT NULL,
      number INTEGER,
      request INTEGER,
      PRIMARY KEY (stream, key)
    ) WITHOUT ROWID;
    """

  static let firstWithKeys: Int64 = 6

  /// Whoever only reads a store takes this version for the newest, too: the writer migrates it when it is started next.
  private static let oldestReadable: Int64 = 5

  /// The type of an erased event's row, which no event can have; see ``ErasedRow``. Up to version 4 it was
  /// ``EventRecord/erasedType``.
  static let erasedType = ""

  /// What the schema version of an unfinished copy is higher by. Programs that don't know of it find a store that is newer than
  /// they are, and leave it alone too.
  static let unfinished: Int64 = 1_000_000

  /// Whether a file says that it is an unfinished copy. A version that is higher still says that the file is damaged, or newer.
  static func isUnfinished(_ found: Int64) -> Bool {
    (unfinished..<unfinished + 1000).contains(found)
  }

  /// Whether a row of this type holds an event no more.
  static func isErased(_ type: String) -> Bool {
    type == erasedType || type == EventRecord.erasedType
  }

  /// What a store is and always stays.
  struct Identity: Sendable, Hashable {
    var storeID: String
    var partitionCount: Partition
  }

  /// Creates the tables where there are none, migrates them where they are older, and refuses them
  /// where they are newer.
  static func prepare(
    _ connection: SQLiteConnection, partitionCount: Partition?
  ) throws -> Identity {
    try configure(connection)
    try connection.write {
      let found = try self.version(of: connection)
      guard found >= 0 else { throw StoreDamage("it says that it has schema version \(found)") }
      if found == 0 {
        try create(connection, partitionCount: partitionCount ?? 12)
      } else if found < version {
        try migrate(connection, from: found)
        if found < 5 { try overwriteFreePages(connection) }
      }
    }
    let identity = try identity(connection)
    if let partitionCount, partitionCount != identity.partitionCount {
      throw StoreOpenError.partitionCount(
        at: connection.path, asked: partitionCount, actual: identity.partitionCount)
    }
    return identity
  }

  /// Sets what a connection that writes needs.
  static func configure(_ connection: SQLiteConnection) throws(SQLiteError) {
    // In this order: the page size and WAL mode are set while the file is empty.
    try connection.execute("PRAGMA page_size = 8192")
    try connection.useWriteAheadLog()
    try connection.execute("PRAGMA synchronous = FULL; PRAGMA cache_size = -65536")
    try connection.execute("PRAGMA wal_autocheckpoint = 4000")
  }

  /// The version that a file says it has; 0 where it has no tables.
  static func version(of connection: SQLiteConnection) throws(SQLiteError) -> Int64 {
    try connection.integer("PRAGMA user_version") ?? 0
  }

  /// Reads the identity of a store that exists.
  /// - Parameter isUnfinished: whether it may be a copy that is not whole.
  static func identity(
    _ connection: SQLiteConnection, isUnfinished: Bool = false
  ) throws -> Identity {
    var found = try version(of: connection)
    if self.isUnfinished(found) {
      guard isUnfinished else { throw StoreOpenError.unfinished(at: connection.path) }
      found -= unfinished
    }
    if found == 0 {
      let isEmpty = try connection.integer("SELECT count(*) FROM sqlite_schema") == 0
      throw isEmpty
        ? StoreOpenError.empty(at: connection.path)
        : StoreOpenError.notAStore(at: connection.path)
    }
    guard found >= 0 else { throw StoreDamage("it says that it has schema version \(found)") }
    if found > version {
      throw StoreOpenError.newer(at: connection.path, version: found, expected: version)
    }
    if found < oldestReadable {
      throw StoreOpenError.older(at: connection.path, version: found, expected: version)
    }
    let id: String?
    let count: Int64?
    do {
      id = try connection.text("SELECT value FROM store WHERE key = 'store_id'")
      count = try connection.integer("SELECT value FROM store WHERE key = 'partitions'")
    } catch {
      throw error.isOfOtherTables ? StoreOpenError.notAStore(at: connection.path) : error
    }
    guard let id, let count else { throw StoreOpenError.notAStore(at: connection.path) }
    guard partitionCounts.contains(count) else {
      throw StoreDamage("it says that it has \(count) partitions")
    }
    return Identity(storeID: id, partitionCount: Partition(count))
  }

  private static func create(
    _ connection: SQLiteConnection, partitionCount: Partition
  ) throws {
    guard try connection.integer("SELECT count(*) FROM sqlite_schema") == 0 else {
      throw StoreOpenError.notAStore(at: connection.path)
    }
    try migrate(connection, from: 0)
    try write(
      Identity(storeID: UUID().uuidString.lowercased(), partitionCount: partitionCount),
      to: connection)
  }

  private static func write(
    _ identity: Identity, to connection: SQLiteConnection
  ) throws(SQLiteError) {
    try connection.run("INSERT INTO store VALUES ('store_id', ?)", .text(identity.storeID))
    try connection.run(
      "INSERT INTO store VALUES ('partitions', ?)", .integer(Int64(identity.partitionCount)))
    try connection.execute("INSERT INTO store VALUES ('published', 0)")
  }

  /// Makes a copy that nobody opens until it is finished, in an empty file.
  static func createUnfinished(_ connection: SQLiteConnection, _ identity: Identity) throws {
    try configure(connection)
    try connection.write {
      try migrate(connection, from: 0)
      try write(identity, to: connection)
      try connection.execute("PRAGMA user_version = \(unfinished + version)")
    }
  }

  /// Makes a store of an unfinished copy.
  static func finish(_ connection: SQLiteConnection) throws(SQLiteError) {
    try connection.execute("PRAGMA user_version = \(version)")
  }

  /// Takes the steps that a file has not taken yet, within the caller's transaction.
  private static func migrate(_ connection: SQLiteConnection, from found: Int64) throws {
    for step in steps[Int(found)...] { try connection.execute(step) }
    try connection.execute("PRAGMA user_version = \(version)")
  }

  /// Overwrites the pages that the file has and does not use: earlier versions did not when they freed them.
  private static func overwriteFreePages(_ connection: SQLiteConnection) throws {
    try connection.execute("CREATE TABLE free_pages (content BLOB NOT NULL)")
    // All but the last bytes of a page go into the chain of pages that a large value takes.
    while let free = try connection.integer("PRAGMA freelist_count"), free > 0 {
      try connection.run(
        "INSERT INTO free_pages VALUES (zeroblob(?))", .integer(min(free, 1024) * 8192))
    }
    // With secure_delete.
    try connection.execute("DROP TABLE free_pages")
  }
}
