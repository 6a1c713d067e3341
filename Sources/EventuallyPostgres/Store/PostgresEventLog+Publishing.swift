public import Eventually

/// How far the events are published, and what an administrator has decided of that.
extension PostgresEventLog {
  /// The sequence number up to which all events have been acknowledged by the bus, as last noted: the bus may be further. A number
  /// beyond the store's last event proves nothing: then it is 0.
  public func published() async throws(EventStoreError) -> UInt64 {
    try await reader.read(
      "read how far the events are published",
      [
        PostgresStatement(
          """
          SELECT CASE WHEN r.published <= (SELECT coalesce(max(sequence), 0) FROM events)
            THEN r.published ELSE 0 END FROM relay r
          """)
      ]
    ) { .init(try $0[0].unsigned(0, 0), newest: 0) }
  }

  /// What was noted last of partitions that are not published as far as others, and of the events that hold them; `nil` where
  /// ``published()`` says all.
  public func publishedProgress() async throws(EventStoreError) -> PublishedProgress? {
    try await reader.read(
      "read how far the events are published",
      [
        PostgresStatement("SELECT published, progress::text FROM relay"),
        PostgresStatement(
          """
          SELECT e.sequence, e.partition, e.partition_offset, e.version, e.id, s.id, e.type
          FROM relay r, jsonb_array_elements(r.progress -> 'refused') x
            JOIN events e ON e.sequence = (x ->> 'sequence')::bigint
            JOIN streams s ON s.key = e.stream
          """),
      ]
    ) { rows -> StoreReader.Found<PublishedProgress?> in
      guard rows[0].count > 0, !rows[0].isNull(0, 1) else { return .init(nil, newest: 0) }
      let noted = try NotedProgress(json: try rows[0].bytes(0, 1))
      if noted.isEmpty { return .init(nil, newest: 0) }
      var progress = PublishedProgress(
        through: try rows[0].unsigned(0, 0), partitions: noted.partitions)
      for refusal in noted.refused {
        for row in 0..<rows[1].count where try rows[1].integer(row, 0) == refusal.sequence {
          progress.refused.append(
            refusal.event(
              at: EventPosition(
                partition: Partition(clamping: try rows[1].integer(row, 1)),
                partitionOffset: try rows[1].unsigned(row, 2),
                sequenceNumber: try rows[1].unsigned(row, 0),
                version: try rows[1].unsigned(row, 3)), id: try rows[1].uuid(row, 4),
              streamID: try rows[1].text(row, 5), type: try rows[1].text(row, 6)))
        }
      }
      return .init(progress, newest: 0)
    }
  }

  /// The server on which it was noted last how far the events are published; `nil` where that was not told.
  func publishingServer() async throws(EventStoreError) -> String? {
    try await reader.read(
      "read how far the events are published",
      [PostgresStatement("SELECT progress ->> 'server' FROM relay")]
    ) { rows -> StoreReader.Found<String?> in
      guard rows[0].count > 0, !rows[0].isNull(0, 0) else { return .init(nil, newest: 0) }
      return .init(try rows[0].text(0, 0), newest: 0)
    }
  }

  /// Which process publishes the store's events; `nil` where none has the right now.
  public func relayHolder() async throws(EventStoreError) -> RelayHolder? {
    try await reader.read(
      "read who publishes the events",
      [
        PostgresStatement(
          "SELECT holder, epoch FROM relay WHERE holder IS NOT NULL AND expires > clock_timestamp()"
        )
      ]
    ) { rows -> StoreReader.Found<RelayHolder?> in
      guard rows[0].count > 0 else { return .init(nil, newest: 0) }
      return .init(
        RelayHolder(name: try rows[0].text(0, 0), epoch: try rows[0].unsigned(0, 1)), newest: 0)
    }
  }

  /// Whether an administrator has decided that a placeholder is published in an event's place.
  public func isSkipped(
    partition: Partition, offset: UInt64
  ) async throws(EventStoreError) -> Bool {
    try await reader.read(
      "look for a decision",
      [
        PostgresStatement(
          """
          SELECT EXISTS (SELECT FROM skips WHERE partition = $1 AND partition_offset = $2)
          """, .int4(partition), .position(offset))
      ]
    ) { .init(try $0[0].bool(0, 0), newest: 0) }
  }

  /// Decides that a placeholder is published in the place of an event that holds its partition, because the broker refuses its
  /// record: the store's relay does so within seconds, or when one runs again. To decide it twice changes nothing.
  /// - Returns: the event.
  public func skip(partition: Partition, offset: UInt64) async throws(SkipError) -> RefusedEvent {
    guard (0..<partitionCount).contains(partition) else {
      throw .noPartition(partition, count: partitionCount)
    }
    do {
      let held = try await publishedProgress()?.refused.first { $0.position.partition == partition }
      let isDecided = try await reader.pool.run(
        [
          PostgresStatement(
            "SELECT skip_event($1, $2)", .int4(partition), .position(offset))
        ], "decide that an event is skipped")[0].bool(0, 0)
      guard let held, held.position.partitionOffset == offset, isDecided else {
        throw SkipError.notRefused(
          partition: partition, offset: offset, heldBy: held?.position.partitionOffset)
      }
      return held
    } catch let error as SkipError {
      throw error
    } catch {
      throw .unavailable(location: location, cause: error)
    }
  }

  /// Has the next publisher publish events again, because the bus has lost them: from a sequence number on, no event counts as
  /// published any more.
  ///
  /// The next publisher reads the topic's end, as ever, and publishes all that it does not find there. Consumers that have applied
  /// an event drop it when it comes again.
  /// - Parameter sequenceNumber: the first event that is to be published again.
  /// - Throws: `RepublishError`, with a `StoreOpenError` of the code `StoreOpenError.Code.locked` while a relay has the lease.
  @discardableResult
  public func republish(
    from sequenceNumber: UInt64
  ) async throws(RepublishError) -> Republication {
    do {
      let head = try await head()
      guard (1...max(head, 1)).contains(sequenceNumber), head > 0 else {
        throw RepublishError.noEvent(sequenceNumber: sequenceNumber, head: head)
      }
      let row = try await reader.pool.run(
        [
          PostgresStatement(
            "SELECT before, held_by FROM publish_again($1)", .position(sequenceNumber))
        ], "have events published again")[0]
      guard row.isNull(0, 1) else {
        throw RepublishError.noWriter(.locked(at: location, owner: try row.text(0, 1)))
      }
      let before = try row.unsigned(0, 0)
      return Republication(
        from: min(sequenceNumber - 1, before) + 1, publishedBefore: min(before, head), head: head)
    } catch let error as RepublishError {
      throw error
    } catch {
      throw .unavailable(location: location, cause: error)
    }
  }
}
