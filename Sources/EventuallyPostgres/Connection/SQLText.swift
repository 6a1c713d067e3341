/// Names and texts as they stand in a statement.
enum SQLText {
  /// The name of a schema, a table or a column, quoted.
  static func name(_ name: String) -> String {
    "\"\(name.replacing("\"", with: "\"\""))\""
  }

  /// A text. Backslashes are plain in it: `standard_conforming_strings` is on since version 9.1.
  static func literal(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }
}
