/// Names and texts as they stand in a statement.
enum SQLText {
  /// The name of a schema, a table or a column, quoted.
  static func name(_ name: String) -> String {
    "\"\(name.replacing("\"", with: "\"\""))\""
  }

  /// A text. Backslashes are plain in it: `standard_conforming_strings` is on since version 9.1.
  static func literal(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }

  /// What psql's `\d+` shows of something, a `TABLE` or `COLUMN` with its name.
  static func comment(on what: String, _ text: String) -> String {
    "COMMENT ON \(what) IS \(literal(text))"
  }

  /// The same of a table and its columns, whose names are as a statement has them.
  static func comments(
    on table: String, _ text: String, _ columns: KeyValuePairs<String, String>
  ) -> [String] {
    [comment(on: "TABLE \(table)", text)]
      + columns.map { comment(on: "COLUMN \(table).\($0)", $1) }
  }

  /// Of the column that keeps a table from having two rows.
  static let onlyRow = "Always true: the table has one row."
}
