import Eventually

/// Writes values of read models' rows for one asker, without those that the asker may not see.
struct RowMasking: Sendable {
  /// Longer text is cut.
  private static let textLimit = 1_000

  let isMasked: @Sendable (_ column: String, _ table: String) -> Bool

  /// A value in a list, where a masked one has a place too.
  func write(
    _ value: ColumnValue, _ column: String, of table: String, _ json: inout JSONWriter
  ) {
    if isMasked(column, table) { return json.string("(masked)") }
    Self.write(value, &json)
  }

  private static func write(_ value: ColumnValue, _ json: inout JSONWriter) {
    switch value {
    case .integer(let integer): json.integer(integer)
    case .text(let text): json.string(text.beginning(textLimit))
    case .null: json.null()
    }
  }

  /// A row that was written: `{table,key,before,after}`.
  func write(_ change: RowChange, _ json: inout JSONWriter) {
    let table = change.table
    json.beginObject()
    json.member("table", table.name)
    json.key("key")
    json.beginArray()
    for (column, value) in zip(table.key, change.key) {
      write(value, column.name, of: table.name, &json)
    }
    json.endArray()
    for (name, values) in [("before", change.before), ("after", change.after)] {
      json.key(named: name)
      guard let values else {
        json.null()
        continue
      }
      json.beginObject()
      for (column, value) in zip(table.values, values) where !isMasked(column.name, table.name) {
        json.key(named: column.name)
        Self.write(value, &json)
      }
      json.endObject()
    }
    json.endObject()
  }
}

extension String {
  /// The first scalars of a text, as they are: pages escape what can't be seen.
  func beginning(_ limit: Int) -> String {
    let beginning = unicodeScalars.prefix(limit)
    return beginning.endIndex == unicodeScalars.endIndex ? self : String(beginning) + "…"
  }
}
