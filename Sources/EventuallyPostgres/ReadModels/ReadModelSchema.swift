import Eventually

/// The tables of one generation of a read model, in a schema of its own: the read model's, and those that say what it is and
/// how far it is.
struct ReadModelSchema: Sendable {
  /// What a generation is bound to.
  struct Identity: Sendable, Hashable {
    var name: String
    var schemaVersion: Int
    var storeID: String
    var partitionCount: Partition
  }

  /// The schema's name, quoted.
  let namespace: String
  let tables: [ReadModelTable]

  init(_ name: String, tables: [TableSchema]) {
    let namespace = quoted(name)
    self.namespace = namespace
    self.tables = tables.map { ReadModelTable($0, in: namespace) }
  }

  func table(_ schema: TableSchema) -> ReadModelTable? { tables.first { $0.schema == schema } }

  /// Creates the tables where there are none.
  /// - Returns: when the generation was made, and what it is bound to.
  func prepare(
    _ pool: PostgresPool, _ identity: Identity
  ) async throws(PostgresError) -> (created: Timestamp, identity: Identity) {
    let lock = PostgresStatement(
      "SELECT pg_advisory_xact_lock(hashtext('eventually.readmodel'), hashtext($1))",
      .text(namespace))
    let look = PostgresStatement(
      "SELECT to_regclass($1) IS NOT NULL", .text("\(namespace).readmodel"))
    let isThere = try await pool.run([look], "look for the read model")[0].bool(0, 0)
    if !isThere {
      // One who comes at the same time waits, and finds that all is there.
      let create = PostgresStatement(
        "DO \(literal("BEGIN IF to_regclass(\(literal("\(namespace).readmodel"))) IS NULL THEN \(sql(identity)) END IF; END"))"
      )
      _ = try await pool.run([lock, create], "create the read model")
    }
    let found = try await pool.run(
      [
        PostgresStatement(
          "SELECT name, schema_version, store_id, partitions, (extract(epoch FROM created) * 1000000)::bigint FROM \(namespace).readmodel"
        )
      ], "read what the read model is")[0]
    return (
      Timestamp(microseconds: try found.integer(0, 4)),
      Identity(
        name: try found.text(0, 0), schemaVersion: Int(try found.integer(0, 1)),
        storeID: try found.text(0, 2), partitionCount: Partition(clamping: try found.integer(0, 3)))
    )
  }

  private func sql(_ identity: Identity) -> String {
    var statements = ["CREATE SCHEMA IF NOT EXISTS \(namespace)"]
    statements += Self.own.map { $0.replacing("@.", with: "\(namespace).") }
    for table in tables { statements += table.create }
    statements += Self.comments.map { object, comment in
      "COMMENT ON \(object.replacing("@.", with: "\(namespace).")) IS \(literal(comment))"
    }
    statements.append(
      "INSERT INTO \(namespace).readmodel (name, schema_version, store_id, partitions) VALUES (\(literal(identity.name)), \(identity.schemaVersion), \(literal(identity.storeID)), \(identity.partitionCount))"
    )
    return statements.joined(separator: ";\n") + ";"
  }

  private static let own = [
    """
    CREATE TABLE @.readmodel (
      only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      name text NOT NULL, schema_version integer NOT NULL, store_id text NOT NULL, partitions integer NOT NULL,
      origin text NOT NULL DEFAULT 'the first event', created timestamptz NOT NULL DEFAULT clock_timestamp(),
      is_building boolean NOT NULL DEFAULT true, replay text)
    """,
    """
    CREATE TABLE @.checkpoints (
      partition integer PRIMARY KEY, epoch bigint NOT NULL, position bigint, sequence bigint, next_offset bigint,
      event_id uuid, owner text NOT NULL, updated timestamptz NOT NULL DEFAULT clock_timestamp())
      WITH (fillfactor = 20, autovacuum_vacuum_threshold = 100, autovacuum_vacuum_scale_factor = 0)
    """,
    "CREATE TABLE @.shared_lock (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row))",
    "INSERT INTO @.shared_lock DEFAULT VALUES",
    """
    CREATE TABLE @.parked_streams (
      stream text COLLATE "C" PRIMARY KEY, partition integer NOT NULL, reason text NOT NULL,
      since timestamptz NOT NULL DEFAULT clock_timestamp())
    """,
    """
    CREATE TABLE @.parked_events (
      stream text COLLATE "C", position bigint, partition integer NOT NULL, sequence bigint NOT NULL, version bigint NOT NULL,
      id uuid NOT NULL, type text NOT NULL, time timestamptz NOT NULL, payload bytea NOT NULL, metadata bytea,
      PRIMARY KEY (stream, position))
    """,
    """
    CREATE TABLE @.dropped_events (
      partition integer, position bigint, stream text COLLATE "C" NOT NULL, reason text NOT NULL,
      PRIMARY KEY (partition, position))
    """,
    "CREATE TABLE @.park_requests (partition integer, position bigint, PRIMARY KEY (partition, position))",
    """
    CREATE TABLE @.foreign_records (
      partition integer, "offset" bigint, reason text NOT NULL, key bytea NOT NULL, value bytea NOT NULL,
      size bigint NOT NULL, seen timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (partition, "offset"))
    """,
    "CREATE INDEX foreign_records_by_key ON @.foreign_records (substr(key, 1, 16))",
    """
    CREATE TABLE @.forged_events (
      partition integer PRIMARY KEY, position bigint NOT NULL, found timestamptz NOT NULL DEFAULT clock_timestamp())
    """,
    """
    CREATE TABLE @.removals (
      stream text COLLATE "C" PRIMARY KEY, partition integer NOT NULL, position bigint NOT NULL,
      applied timestamptz NOT NULL DEFAULT clock_timestamp(), state smallint NOT NULL DEFAULT 0)
    """,
    """
    CREATE TABLE @.awaited_removals (
      stream text COLLATE "C" PRIMARY KEY, partition integer NOT NULL, position bigint NOT NULL)
    """,
  ]

  private static let comments: KeyValuePairs = [
    "TABLE @.readmodel": "What this generation of a read model is; one row",
    "COLUMN @.readmodel.schema_version":
      "The version of the read model's tables in the program that made them",
    "COLUMN @.readmodel.store_id": "The event store whose events are applied",
    "COLUMN @.readmodel.partitions": "How many partitions the store has",
    "COLUMN @.readmodel.origin": "What the generation was begun from",
    "COLUMN @.readmodel.is_building": "Whether it has never caught up with the store yet",
    "COLUMN @.readmodel.replay": "What the replay that builds it was asked for",
    "TABLE @.checkpoints":
      "How far each partition is applied; changed with the rows, in one transaction",
    "COLUMN @.checkpoints.epoch":
      "Rises whenever a worker takes the partition; only the newest one can write",
    "COLUMN @.checkpoints.position": "The partition offset that was applied last; null for never",
    "COLUMN @.checkpoints.sequence": "The sequence number of that event in the store",
    "COLUMN @.checkpoints.next_offset": "Where the topic is likely to hold the next event",
    "COLUMN @.checkpoints.event_id": "The id of the event that was applied last",
    "COLUMN @.checkpoints.owner": "The worker that took the partition last",
    "TABLE @.shared_lock":
      "Locked, never changed, while a worker changes rows that several partitions share",
    "TABLE @.parked_streams": "Streams of which an event could not be projected",
    "COLUMN @.parked_streams.reason": "Why its first parked event could not be projected",
    "TABLE @.parked_events": "The events of parked streams, until they are retried or dropped",
    "COLUMN @.parked_events.position": "The event's partition offset",
    "TABLE @.dropped_events": "Events that an administrator has given up for good",
    "TABLE @.park_requests": "Events of unknown types that an administrator has decided to park",
    "TABLE @.foreign_records": "Records on the topic that are not of this store, or can't be read",
    "COLUMN @.foreign_records.offset": "Where the topic has the record",
    "TABLE @.forged_events": "Where an event was applied that the store does not have there",
    "TABLE @.removals": "Removed streams of which something may be left in copies of the rows",
    "TABLE @.awaited_removals":
      "Streams that are forgotten already, before their removal was applied",
  ]
}
