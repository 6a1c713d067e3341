import Eventually
import EventuallyTesting
import Testing

/// Values' places are told from all else that may have a question mark in it.
@Suite struct SQLParametersTests {
  @Test(arguments: [
    ("SELECT 1", "SELECT 1", 0),
    ("WHERE a = ? AND b < ?", "WHERE a = $1 AND b < $2", 2),
    ("(time, id) < (?,?)", "(time, id) < ($1,$2)", 2),
    // As in SQLite: numbers are the values' places, and go on from the largest.
    ("? ?3 ? ?1", "$1 $3 $4 $1", 4),
    ("a ?? b AND c ??| ?", "a ? b AND c ?| $1", 1),
    // Quotes, with their own kind of quote in them.
    ("'?' ? 'it''s ?' ?", "'?' $1 'it''s ?' $2", 2),
    (#""a?" ? "b""?" ?"#, #""a?" $1 "b""?" $2"#, 2),
    (#"E'\'?' ? '\' ?"#, #"E'\'?' $1 '\' $2"#, 2),
    (#"e'?\\' ?"#, #"e'?\\' $1"#, 1),
    // A name that ends in e is followed by an ordinary text.
    (#"type'\' ?"#, #"type'\' $1"#, 1),
    ("'' ? ''''", "'' $1 ''''", 1),
    // Comments, of which those of PostgreSQL nest.
    ("-- ?\n?", "-- ?\n$1", 1),
    ("? -- it's", "$1 -- it's", 1),
    ("/* ? '*/ ?", "/* ? '*/ $1", 1),
    ("/* /* ? */ ? */ ?", "/* /* ? */ ? */ $1", 1),
    ("a - ? / ? * ?", "a - $1 / $2 * $3", 3),
    // Dollar quotes; a dollar in a name or a number begins none.
    ("$$ ? $$ ?", "$$ ? $$ $1", 1),
    ("$a$ ? $$ ? $b$ $a$ ?", "$a$ ? $$ ? $b$ $a$ $1", 1),
    ("x$a$ ? x$a$", "x$a$ $1 x$a$", 1),
    ("$1$ ? $1$", "$1$ $1 $1$", 1),
    ("$é$?$é$ ?", "$é$?$é$ $1", 1),
    // What is not closed is the database's to refuse.
    ("'? ", "'? ", 0), ("/* ?", "/* ?", 0), ("$a$ ?", "$a$ ?", 0), ("\"?", "\"?", 0),
    ("$", "$", 0), ("?", "$1", 1), ("", "", 0), ("-", "-", 0), ("E'", "E'", 0),
    (#"E'\"#, #"E'\"#, 0), ("?99999999999999999999", "$0", 0),
  ])
  func valuesAreNumbered(_ statement: String, _ expected: String, _ count: Int) {
    let found = SQLParameters(statement)
    #expect(found.sql == expected)
    #expect(found.count == count)
  }

  /// Nothing traps, and what has no question mark stays as it is.
  @Test func whateverComes() {
    let pieces = ["?", "'", "\"", "$", "a", "E", "\\", "-", "/", "*", "\n", "1", "$$", "??", "é"]
    for _ in 0..<5_000 {
      let text = (0..<Int.random(in: 0...12)).map { _ in pieces.randomElement() ?? "" }.joined()
      let found = SQLParameters(text)
      if !text.utf8.contains(UInt8(ascii: "?")) {
        #expect(found.sql == text && found.count == 0)
      }
    }
  }

  private struct Word: CodableRow {
    static let table = "words"
    var word: String
    var key: String { word }
  }

  @Test func inMemoryThereIsNoSQL() throws {
    let rows = Rows()
    try rows.put(Word(word: "a"))
    let reader: any SQLRows = MemoryRowReader(rows)
    #expect(reader.dialect == nil)
    #expect(try reader.row(Word.self, "a") == Word(word: "a"))
    let error = #expect(throws: NeedsDatabase.self) {
      try reader.rows("SELECT word FROM words") { $0.text(0) }
    }
    #expect(error?.description.contains("SELECT word FROM words") == true)
  }
}
