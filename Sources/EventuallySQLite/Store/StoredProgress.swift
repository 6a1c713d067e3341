import Eventually

/// How ``PublishedProgress`` is kept: the sequence number as ever, and the rest while there is one.
enum StoredProgress {
  private static let key = "published_partitions"

  static func write(
    _ progress: PublishedProgress, to connection: SQLiteConnection
  ) throws(SQLiteError) {
    try connection.run(
      "UPDATE store SET value = ? WHERE key = 'published'",
      .integer(Int64(clamping: progress.through)))
    let noted = NotedProgress(progress)
    guard !noted.isEmpty else {
      return try connection.run("DELETE FROM store WHERE key = ?", .text(key))
    }
    try connection.run(
      "INSERT OR REPLACE INTO store VALUES (?, ?)", .text(key), .text(noted.json))
  }

  /// `nil` where there is nothing but the sequence number.
  static func read(from connection: SQLiteConnection) throws -> PublishedProgress? {
    guard let text = try connection.text("SELECT value FROM store WHERE key = ?", .text(key)) else {
      return nil
    }
    let through = try connection.integer("SELECT value FROM store WHERE key = 'published'") ?? 0
    let noted = try NotedProgress(json: Array(text.utf8))
    var progress = PublishedProgress(
      through: UInt64(clamping: through), partitions: noted.partitions)
    for refusal in noted.refused {
      guard let event = try event(refusal, connection) else { continue }
      progress.refused.append(event)
    }
    return progress
  }

  private static func event(
    _ refusal: NotedProgress.Refusal, _ connection: SQLiteConnection
  ) throws -> RefusedEvent? {
    try connection.rows(
      """
      SELECT e.partition, e.partition_sequence, e.version, e.id, s.id, e.type
      FROM events e JOIN streams s ON s.key = e.stream WHERE e.sequence = ?
      """, [.integer(refusal.sequence)]
    ) { row in
      refusal.event(
        at: EventPosition(
          partition: Partition(clamping: row.integer(0)), partitionOffset: row.unsigned(1),
          sequenceNumber: UInt64(clamping: refusal.sequence), version: row.unsigned(2)),
        id: row.eventID(3), streamID: row.text(4), type: row.text(5))
    }.first
  }
}
