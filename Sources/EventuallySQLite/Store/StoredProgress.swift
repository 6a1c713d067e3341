import Eventually

/// How ``PublishedProgress`` is kept: the sequence number as ever, and the rest, in JSON, while there is one. An event that holds a
/// partition is only named: what it is stands in its own row, and goes with it.
enum StoredProgress {
  private static let key = "published_partitions"

  static func write(
    _ progress: PublishedProgress, to connection: SQLiteConnection
  ) throws(SQLiteError) {
    try connection.run(
      "UPDATE store SET value = ? WHERE key = 'published'",
      .integer(Int64(clamping: progress.through)))
    guard !progress.partitions.isEmpty || !progress.refused.isEmpty else {
      return try connection.run("DELETE FROM store WHERE key = ?", .text(key))
    }
    try connection.run(
      "INSERT OR REPLACE INTO store VALUES (?, ?)", .text(key), .text(text(progress)))
  }

  /// `nil` where there is nothing but the sequence number.
  static func read(from connection: SQLiteConnection) throws -> PublishedProgress? {
    guard let text = try connection.text("SELECT value FROM store WHERE key = ?", .text(key)) else {
      return nil
    }
    let through = try connection.integer("SELECT value FROM store WHERE key = 'published'") ?? 0
    var progress = PublishedProgress(through: UInt64(clamping: through))
    for refusal in try parse(Array(text.utf8), &progress.partitions) {
      guard let event = try refusal.event(connection) else { continue }
      progress.refused.append(event)
    }
    return progress
  }

  /// An event that holds a partition, as it is named.
  private struct Refusal {
    var sequence: Int64 = 0
    var size = 0
    var reason = ""
    var since: Int64 = 0

    func event(_ connection: SQLiteConnection) throws -> RefusedEvent? {
      try connection.rows(
        """
        SELECT e.partition, e.partition_sequence, e.version, e.id, s.id, e.type
        FROM events e JOIN streams s ON s.key = e.stream WHERE e.sequence = ?
        """, [.integer(sequence)]
      ) { row in
        RefusedEvent(
          position: EventPosition(
            partition: Partition(clamping: row.integer(0)), partitionOffset: row.unsigned(1),
            sequenceNumber: UInt64(clamping: sequence), version: row.unsigned(2)),
          id: row.eventID(3), streamID: row.text(4), type: row.text(5), size: size,
          reason: reason, since: Timestamp(microseconds: since))
      }.first
    }
  }

  private static func text(_ progress: PublishedProgress) -> String {
    var json = JSONWriter()
    json.beginObject()
    json.key("partitions")
    json.beginArray()
    for offset in progress.partitions { json.integer(offset) }
    json.endArray()
    json.key("refused")
    json.beginArray()
    for event in progress.refused {
      json.beginObject()
      json.key("sequence")
      json.integer(event.position.sequenceNumber)
      json.key("bytes")
      json.integer(event.size)
      json.key("reason")
      json.string(event.reason)
      json.key("since")
      json.integer(event.since.microseconds)
      json.endObject()
    }
    json.endArray()
    json.endObject()
    return String(decoding: json.bytes, as: UTF8.self)
  }

  private static func parse(
    _ bytes: [UInt8], _ partitions: inout [UInt64]
  ) throws(JSONError) -> [Refusal] {
    var refusals: [Refusal] = []
    var json = JSONReader(bytes.span)
    try json.beginObject()
    while let key = try json.nextKey() {
      if json.isKey(key, "partitions") {
        try json.beginArray()
        while try json.nextElement() {
          partitions.append(UInt64(clamping: try json.integer()))
        }
      } else if json.isKey(key, "refused") {
        try json.beginArray()
        while try json.nextElement() { refusals.append(try refusal(&json)) }
      } else {
        _ = try json.skip()
      }
    }
    return refusals
  }

  private static func refusal(_ json: inout JSONReader) throws(JSONError) -> Refusal {
    var refusal = Refusal()
    try json.beginObject()
    while let key = try json.nextKey() {
      if json.isKey(key, "sequence") {
        refusal.sequence = try json.integer()
      } else if json.isKey(key, "bytes") {
        refusal.size = Int(clamping: try json.integer())
      } else if json.isKey(key, "reason") {
        refusal.reason = try json.string()
      } else if json.isKey(key, "since") {
        refusal.since = try json.integer()
      } else {
        _ = try json.skip()
      }
    }
    return refusal
  }
}
