import Eventually

/// How often each word came, and in which stream which word came last.
struct WordModel: ReadModel {
  struct Refused: Error {}
  var name = "words"
  var schemaVersion = 1
  let tables: [any ReadModelRow.Type] = [WordRow.self, LastRow.self]

  init(name: String = "words", schemaVersion: Int = 1) {
    self.name = name
    self.schemaVersion = schemaVersion
  }

  func project(_ event: Persisted<String, String>, into rows: Rows) throws {
    if event.event == "poison" { throw Refused() }
    try rows.update(WordRow.self, event.event) { row in
      row = WordRow(key: event.event, count: (row?.count ?? 0) + 1)
    }
    if event.event == "gone" {
      try rows.delete(LastRow.self, event.streamID)
    } else {
      try rows.put(LastRow(key: event.streamID, word: event.event))
    }
  }

  func forget(_ streamID: String, in rows: Rows) throws {
    try rows.delete(LastRow.self, streamID)
  }
}

struct WordRow: ReadModelRow {
  var key: String
  var count: Int64
  static let schema = TableSchema("words", key: [.text("word")], values: [.integer("count")])
  var values: [ColumnValue] { [.integer(count)] }

  init(key: String, count: Int64) {
    self.key = key
    self.count = count
  }

  init(key: String, values: [ColumnValue]) throws {
    self.init(key: key, count: try values.integer(0, of: Self.schema))
  }
}

struct LastRow: ReadModelRow {
  var key: String
  var word: String?
  static let schema = TableSchema("last", key: [.text("stream")], values: [.text("word")])
  var values: [ColumnValue] { [word.map { .text($0) } ?? .null] }

  init(key: String, word: String?) {
    self.key = key
    self.word = word
  }

  init(key: String, values: [ColumnValue]) throws {
    self.init(key: key, word: try values.optionalText(0, of: Self.schema))
  }
}
