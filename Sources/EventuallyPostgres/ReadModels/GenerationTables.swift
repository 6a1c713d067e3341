import Eventually

/// The tables of a generation or a savepoint, which is a schema of its own: the read model's, and those that say how far it is and what
/// was not applied.
///
/// The statements have names without a schema: they are run where `search_path` leads to it.
enum GenerationTables {
  /// The version of the tables beside the read model's own; ``steps`` leads from each to the next.
  static var layout: Int { steps.count }

  /// What each version adds to the one before.
  static let steps: [[String]] = [first]

  static let names: Set<String> = [
    "checkpoints", "shared_lock", "parked_streams", "parked_events", "dropped_events",
    "park_requests", "foreign_records", "forged_events", "removals", "awaited_removals",
  ]

  private static let first: [String] =
    [
      """
      CREATE TABLE checkpoints (
        partition integer PRIMARY KEY,
        epoch bigint NOT NULL,
        position bigint,
        sequence bigint,
        next_offset bigint,
        event_id uuid,
        owner text NOT NULL,
        updated timestamptz NOT NULL DEFAULT clock_timestamp()
      ) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500)
      """
    ]
    + SQLText.comments(
      on: "checkpoints", "How far each partition of the store is applied.",
      [
        "partition": partition,
        "epoch":
          "Rises each time that a worker takes the partition: those with an older one change nothing.",
        "position": "The partition offset that was applied last; NULL for never.",
        "sequence": "The sequence number of the event that was applied last.",
        "next_offset": "Where the topic is likely to hold the next event; NULL for unknown.",
        "event_id": "The id of the event that was applied last.",
        "owner": "The worker that took the partition last.",
        "updated": "When events were applied last.",
      ])
    + [
      "CREATE TABLE shared_lock (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row))",
      "INSERT INTO shared_lock DEFAULT VALUES",
    ]
    + SQLText.comments(
      on: "shared_lock",
      "One row, locked and never changed by a worker that changes rows which events of several partitions change.",
      ["only_row": SQLText.onlyRow])
    + parked + rejected + removed

  private static let partition = "One of the store's partitions, from 0."
  private static let stream = "The stream's name, as the store's table streams has it."
  private static let position = "The partition offset: the event's place in its partition."

  private static let parked: [String] =
    [
      """
      CREATE TABLE parked_streams (
        stream text COLLATE "C" PRIMARY KEY,
        partition integer NOT NULL,
        reason text NOT NULL,
        since timestamptz NOT NULL DEFAULT clock_timestamp()
      )
      """
    ]
    + SQLText.comments(
      on: "parked_streams", "Streams whose events are kept aside since one of them failed.",
      [
        "stream": stream, "partition": partition, "reason": "Why the first of them failed.",
        "since": "When that was.",
      ])
    + [
      """
      CREATE TABLE parked_events (
        stream text COLLATE "C" NOT NULL,
        position bigint NOT NULL,
        partition integer NOT NULL,
        sequence bigint NOT NULL,
        version bigint NOT NULL,
        id uuid NOT NULL,
        type text COLLATE "C" NOT NULL,
        time timestamptz NOT NULL,
        payload bytea NOT NULL,
        metadata bytea,
        PRIMARY KEY (stream, position)
      )
      """,
      "CREATE INDEX ON parked_events (partition, position)",
    ]
    + SQLText.comments(
      on: "parked_events", "The events of parked streams, in order.",
      [
        "stream": stream, "position": position, "partition": partition,
        "sequence": "The position in the whole store.",
        "version": "The position in the stream.", "id": "The event's own id.",
        "type": "The name of its type.", "time": "When it was appended.",
        "payload": "The event as its codec encodes it.",
        "metadata": "What led to it, as JSON; NULL for nothing.",
      ])
    + [
      """
      CREATE TABLE dropped_events (
        partition integer NOT NULL,
        position bigint NOT NULL,
        stream text COLLATE "C" NOT NULL,
        reason text NOT NULL,
        PRIMARY KEY (partition, position)
      )
      """
    ]
    + SQLText.comments(
      on: "dropped_events", "Events that an administrator has given up for good.",
      [
        "partition": partition, "position": position, "stream": stream,
        "reason": "Why they had been parked.",
      ])
    + [
      """
      CREATE TABLE park_requests (
        partition integer NOT NULL,
        position bigint NOT NULL,
        PRIMARY KEY (partition, position)
      )
      """
    ]
    + SQLText.comments(
      on: "park_requests",
      "Events of unknown types that an administrator has decided to park when workers come to them.",
      ["partition": partition, "position": position])

  private static let rejected: [String] =
    [
      """
      CREATE TABLE foreign_records (
        partition integer NOT NULL,
        "offset" bigint NOT NULL,
        reason text NOT NULL,
        key bytea NOT NULL,
        value bytea NOT NULL,
        size bigint NOT NULL,
        seen timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (partition, "offset")
      )
      """,
      "CREATE INDEX ON foreign_records (substr(key, 1, 16))",
    ]
    + SQLText.comments(
      on: "foreign_records",
      "Records in the topic that are not the store's, or can't be read: the newest.",
      [
        "partition": "The topic's partition.", "\"offset\"": "The topic's own offset.",
        "reason": "What is wrong with it.", "key": "Its key: of an event, the stream's name.",
        "value": "The beginning of its value.", "size": "How many bytes the value has.",
        "seen": "When a worker came to it.",
      ])
    + [
      """
      CREATE TABLE forged_events (
        partition integer PRIMARY KEY,
        position bigint NOT NULL,
        found timestamptz NOT NULL DEFAULT clock_timestamp()
      )
      """
    ]
    + SQLText.comments(
      on: "forged_events",
      "Where an event was applied that the store does not have there: the first place of each partition.",
      ["partition": partition, "position": position, "found": "When a worker found that."])

  private static let removed: [String] =
    [
      """
      CREATE TABLE removals (
        stream text COLLATE "C" PRIMARY KEY,
        partition integer NOT NULL,
        position bigint NOT NULL,
        applied timestamptz NOT NULL DEFAULT clock_timestamp(),
        state integer NOT NULL DEFAULT 0
      )
      """
    ]
    + SQLText.comments(
      on: "removals",
      "Removed streams of which something may be left in a generation or savepoint of the read model.",
      [
        "stream": stream, "partition": partition,
        "position": "The partition offset of the removal.",
        "applied": "When the rows forgot the stream.",
        "state":
          "What may be left of the stream here: 0 dead rows, until VACUUM has gone over the tables; 2 nothing.",
      ])
    + [
      """
      CREATE TABLE awaited_removals (
        stream text COLLATE "C" PRIMARY KEY,
        partition integer NOT NULL,
        position bigint NOT NULL
      )
      """
    ]
    + SQLText.comments(
      on: "awaited_removals",
      "Streams that were forgotten here before their removal was applied: their earlier events are passed over.",
      [
        "stream": stream, "partition": partition,
        "position": "The partition offset of the removal.",
      ])

  /// A read model's table without its keys and indexes, which take a third of the time where they are made after the rows.
  static func create(_ table: TableSchema) -> [String] {
    let columns = table.columns.map { column in
      let type = column.kind == .integer ? "bigint" : "text COLLATE \"C\""
      return "\(SQLText.name(column.name)) \(type)"
    }
    let name = SQLText.name(table.name)
    func comments(_ columns: [TableColumn], _ text: String) -> [String] {
      columns.map { SQLText.comment(on: "COLUMN \(name).\(SQLText.name($0.name))", text) }
    }
    return [
      "CREATE TABLE \(name) (\(columns.joined(separator: ", "))) WITH (fillfactor = 85)",
      SQLText.comment(
        on: "TABLE \(name)", "Rows of the read model, as its code makes them of events."),
    ] + comments(table.key, "Of the rows' key.")
      + comments(table.values, "A value of the read model's; NULL for none.")
  }

  /// The keys and indexes of a read model's table.
  static func keys(_ table: TableSchema) -> [String] {
    let name = SQLText.name(table.name)
    let key = table.key.map { SQLText.name($0.name) }.joined(separator: ", ")
    return ["ALTER TABLE \(name) ADD PRIMARY KEY (\(key))"]
      + table.indexes.map { columns in
        // What holds nothing comes first in queries' order; of keys, which hold something, it does not say so.
        let columns = columns.map { column in
          let isKey = table.key.contains { $0.name == column }
          return SQLText.name(column) + (isKey ? "" : " NULLS FIRST")
        }
        return "CREATE INDEX ON \(name) (\(columns.joined(separator: ", ")))"
      }
  }

  /// What the catalog says of a generation, beside its tables.
  static func view(of schema: String, catalog: String) -> [String] {
    [
      """
      CREATE VIEW readmodel AS
        SELECT true AS only_row, name, schema_version, store_id, partitions, origin, created, is_building, replay
        FROM \(SQLText.name(catalog)).generations WHERE schema = \(SQLText.literal(schema))
      """,
      SQLText.comment(
        on: "VIEW readmodel", "What this generation of a read model is, as the catalog says."),
    ]
      + [
        "only_row": SQLText.onlyRow, "name": "The read model.",
        "schema_version": "The version of the read model's tables.",
        "store_id": "The store that its events come from.",
        "partitions": "How many partitions that store has.",
        "origin": "What it was begun from.", "created": "When it was begun.",
        "is_building": "It has never caught up with the store yet.",
        "replay": "What the replay was asked for that builds it; NULL for workers.",
      ].map { SQLText.comment(on: "COLUMN readmodel.\($0)", $1) }
  }

  /// All of a new generation.
  static func create(_ tables: [TableSchema]) -> [String] {
    steps.flatMap { $0 } + tables.flatMap { create($0) + keys($0) }
  }
}
