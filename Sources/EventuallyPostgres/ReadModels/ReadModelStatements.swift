import Eventually

/// The statements on a generation's own tables.
struct ReadModelStatements: Sendable {
  let begin: [PostgresStatement]
  /// The same for one that reads one state, and changes nothing.
  let beginReading: [PostgresStatement]
  /// For what is not to be taken back when the server is killed.
  let durable = PostgresStatement("SELECT set_config('synchronous_commit', 'on', true)")
  /// Its commit waits until all commits before it are on the server's disk.
  let flush = PostgresStatement(
    """
    SELECT set_config('synchronous_commit', 'on', true), pg_logical_emit_message(true, 'eventually', '')
    """)
  let commit = PostgresStatement("COMMIT")
  let rollback = PostgresStatement("ROLLBACK")
  let lockShared: PostgresStatement
  private let namespace: String

  init(_ schema: ReadModelSchema) {
    let namespace = schema.namespace
    self.namespace = namespace
    begin = [
      PostgresStatement("BEGIN ISOLATION LEVEL READ COMMITTED"),
      // A worker that stands still in a transaction holds others up for no longer than this.
      PostgresStatement(
        """
        SELECT set_config('idle_in_transaction_session_timeout', '4s', true), set_config('lock_timeout', '10s', true),
          set_config('client_connection_check_interval', '2s', true), set_config('synchronous_commit', 'off', true)
        """),
    ]
    beginReading = [
      PostgresStatement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"), begin[1],
    ]
    lockShared = PostgresStatement("SELECT FROM \(namespace).shared_lock FOR UPDATE")
  }

  private func numbers(_ partitions: [Partition]) -> PostgresValue { .int4s(partitions) }

  private func on(_ sql: String, _ parameters: PostgresValue...) -> PostgresStatement {
    var statement = PostgresStatement(sql.replacing("@.", with: "\(namespace)."))
    statement.parameters = parameters
    return statement
  }

  // MARK: - Checkpoints

  func positions(_ partitions: [Partition]) -> PostgresStatement {
    on(
      "SELECT partition, position FROM @.checkpoints WHERE partition = ANY ($1::integer[])",
      numbers(partitions))
  }

  func claim(_ partitions: [Partition], owner: String) -> PostgresStatement {
    on(
      """
      INSERT INTO @.checkpoints (partition, epoch, owner)
      SELECT u.n, 1, $2::text FROM unnest($1::integer[]) AS u(n) ORDER BY u.n
      ON CONFLICT (partition) DO UPDATE SET epoch = checkpoints.epoch + 1, owner = excluded.owner
      RETURNING partition, epoch, position, next_offset, event_id
      """, numbers(partitions), .text(owner))
  }

  func forged(_ partitions: [Partition]) -> PostgresStatement {
    on(
      "SELECT partition, position FROM @.forged_events WHERE partition = ANY ($1::integer[])",
      numbers(partitions))
  }

  func lockCheckpoints(_ partitions: [Partition]) -> PostgresStatement {
    on(
      """
      SELECT partition, epoch, position FROM @.checkpoints
      WHERE partition = ANY ($1::integer[]) ORDER BY partition FOR UPDATE
      """, numbers(partitions))
  }

  /// Moves checkpoints that are locked.
  func move<Event>(_ deliveries: [Delivery<Event>]) -> PostgresStatement {
    on(
      """
      UPDATE @.checkpoints c
      SET position = u.position, sequence = u.sequence, next_offset = coalesce(u.next_offset, c.next_offset),
        event_id = encode(u.id, 'hex')::uuid, updated = clock_timestamp()
      FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[])
        AS u(partition, position, sequence, next_offset, id)
      WHERE c.partition = u.partition
      """, numbers(deliveries.map(\.partition)),
      .int8s(deliveries.map { Int64(clamping: $0.lastPosition) }),
      .int8s(
        deliveries.map { $0.entries.last.map { Int64(clamping: $0.position.sequenceNumber) } }),
      .int8s(deliveries.map(\.nextOffset)),
      .byteas(deliveries.map { ($0.entries.last?.eventID.bytes).map { $0[...] } }))
  }

  /// Fences the lease of a partition: its rows or what is parked of it are changed beside the workers.
  func fence(_ partition: Partition) -> PostgresStatement {
    on(
      "UPDATE @.checkpoints SET epoch = epoch + 1 WHERE partition = $1::integer",
      .int4(partition))
  }

  /// The epochs and positions of all partitions.
  var marks: PostgresStatement {
    on("SELECT partition, epoch, position FROM @.checkpoints")
  }

  // MARK: - What is held

  func held(_ partitions: [Partition]) -> [PostgresStatement] {
    [
      on(
        "SELECT stream FROM @.parked_streams WHERE partition = ANY ($1::integer[])",
        numbers(partitions)),
      on("SELECT count(*) FROM @.parked_streams"),
      on(
        "SELECT stream, position FROM @.awaited_removals WHERE partition = ANY ($1::integer[])",
        numbers(partitions)),
    ]
  }

  func park(_ failure: ProjectionFailure) -> PostgresStatement {
    on(
      """
      INSERT INTO @.parked_streams (stream, partition, reason) VALUES ($1, $2::integer, $3)
      ON CONFLICT (stream) DO UPDATE SET reason = excluded.reason
      """, .text(failure.streamID), .int4(failure.position.partition),
      .text(failure.reason.withoutZeros))
  }

  func keep(_ record: EventRecord) -> PostgresStatement {
    on(
      """
      INSERT INTO @.parked_events (stream, position, partition, sequence, version, id, type, time, payload, metadata)
      VALUES ($1, $2::bigint, $3::integer, $4::bigint, $5::bigint, $6::uuid, $7, $8::timestamptz, $9::bytea, $10::bytea)
      """, .text(record.streamID), .position(record.position.partitionOffset),
      .int4(record.position.partition), .position(record.position.sequenceNumber),
      .position(record.position.version), .uuid(record.id), .text(record.type),
      .timestamp(record.time), .bytes(record.payload),
      record.metadata.isEmpty ? .null : .bytes(record.metadata.json))
  }

  func forgetParked(_ streamID: String) -> [PostgresStatement] {
    [
      on("DELETE FROM @.parked_events WHERE stream = $1", .text(streamID)),
      on("DELETE FROM @.parked_streams WHERE stream = $1", .text(streamID)),
    ]
  }

  /// The rows have forgotten a stream: so does all else.
  func removed(_ removal: RemovedStream) -> [PostgresStatement] {
    [
      on(
        """
        DELETE FROM @.foreign_records
        WHERE substr(key, 1, 16) = substr($1::bytea, 1, 16) AND key = $1::bytea
        """, .bytes(Array(removal.streamID.utf8))),
      on(
        "UPDATE @.dropped_events SET reason = 'removed' WHERE stream = $1", .text(removal.streamID)),
      on(
        "DELETE FROM @.awaited_removals WHERE stream = $1 AND position <= $2::bigint",
        .text(removal.streamID), .position(removal.position)),
      on(
        """
        INSERT INTO @.removals (stream, partition, position) VALUES ($1, $2::integer, $3::bigint)
        ON CONFLICT (stream) DO UPDATE SET position = greatest(removals.position, excluded.position), state = 0
        """, .text(removal.streamID), .int4(removal.partition), .position(removal.position)),
    ]
  }

  // MARK: - What an administrator does

  func parked(_ streamID: String) -> PostgresStatement {
    on("SELECT partition FROM @.parked_streams WHERE stream = $1", .text(streamID))
  }

  func parkedRecords(of streamID: String) -> PostgresStatement {
    on(
      "SELECT \(ParkedRow.columns) FROM @.parked_events WHERE stream = $1 ORDER BY position",
      .text(streamID))
  }

  func drop(_ streamID: String) -> PostgresStatement {
    on(
      """
      INSERT INTO @.dropped_events (partition, position, stream, reason)
      SELECT e.partition, e.position, e.stream, s.reason
      FROM @.parked_events e JOIN @.parked_streams s ON s.stream = e.stream WHERE e.stream = $1
      RETURNING partition
      """, .text(streamID))
  }

  func request(_ partition: Partition, _ position: UInt64) -> PostgresStatement {
    on(
      """
      INSERT INTO @.park_requests (partition, position) SELECT $1::integer, $2::bigint
      WHERE $2::bigint > coalesce((SELECT position FROM @.checkpoints WHERE partition = $1::integer), 0)
      ON CONFLICT (partition, position) DO UPDATE SET position = excluded.position
      """, .int4(partition), .position(position))
  }

  func requests(_ partition: Partition) -> PostgresStatement {
    on("SELECT position FROM @.park_requests WHERE partition = $1::integer", .int4(partition))
  }

  func markForged(_ partition: Partition, _ position: UInt64) -> PostgresStatement {
    on(
      """
      INSERT INTO @.forged_events (partition, position) VALUES ($1::integer, $2::bigint)
      ON CONFLICT (partition) DO NOTHING
      """, .int4(partition), .position(position))
  }

  func reject(_ records: [RejectedRecord]) -> PostgresStatement {
    on(
      """
      INSERT INTO @.foreign_records (partition, "offset", reason, key, value, size)
      SELECT DISTINCT ON (partition, "offset") *
      FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::bytea[], $5::bytea[], $6::bigint[])
        AS u(partition, "offset", reason, key, value, size) ORDER BY partition, "offset"
      ON CONFLICT (partition, "offset") DO UPDATE
      SET reason = excluded.reason, key = excluded.key, value = excluded.value, size = excluded.size, seen = excluded.seen
      """, numbers(records.map(\.partition)), .int8s(records.map(\.offset)),
      .texts(records.map { $0.reason.withoutZeros }), .byteas(records.map { $0.key[...] }),
      .byteas(records.map { $0.value[...] }), .int8s(records.map { Int64($0.size) }))
  }

  func pruneRejected(_ partition: Partition) -> PostgresStatement {
    on(
      """
      DELETE FROM @.foreign_records WHERE partition = $1::integer AND "offset" <= (
        SELECT "offset" FROM @.foreign_records WHERE partition = $1::integer
        ORDER BY "offset" DESC LIMIT 1 OFFSET 10000)
      """, .int4(partition))
  }
}

extension String {
  /// The text as PostgreSQL can hold it.
  fileprivate var withoutZeros: String {
    utf8.contains(0) ? replacing("\0", with: "\u{2400}") : self
  }
}
