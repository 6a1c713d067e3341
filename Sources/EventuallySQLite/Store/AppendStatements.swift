/// The statements of every append, found once: to look one up by its text takes as long as to run a small one.
struct AppendStatements {
  /// Key, partition, version, head and bytes of a stream.
  let findStream: SQLiteStatement
  let updateStream: SQLiteStatement
  let insertStream: SQLiteStatement
  let insertEvent: SQLiteStatement
  let findKey: SQLiteStatement
  let saveKey: SQLiteStatement

  init(_ connection: SQLiteConnection) throws(SQLiteError) {
    findStream = try connection.prepare(
      "SELECT key, partition, version, head, bytes FROM streams WHERE id = ?")
    updateStream = try connection.prepare(
      "UPDATE streams SET version = ?, head = ?, bytes = ? WHERE key = ?")
    insertStream = try connection.prepare(
      """
      INSERT INTO streams (id, partition, version, head, bytes) VALUES (?, ?, ?, ?, ?)
      RETURNING key
      """)
    insertEvent = try connection.prepare(
      """
      INSERT INTO events (sequence, stream, version, previous, partition, partition_sequence,
        type, id, time, payload, metadata) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """)
    findKey = try connection.prepare(KeyTable.find)
    saveKey = try connection.prepare(KeyTable.save)
  }
}
