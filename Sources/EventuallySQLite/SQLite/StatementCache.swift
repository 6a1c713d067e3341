/// The prepared statements of a connection that were used last.
struct StatementCache {
  /// How many statements are kept: many times what any connection here uses again and again, at some kilobytes each.
  static let limit = 128

  private var statements: [String: (statement: SQLiteStatement, lastUse: UInt64)] = [:]
  private var uses: UInt64 = 0

  /// How many statements are kept.
  var count: Int { statements.count }

  /// The statement for a text, where it is kept.
  mutating func find(_ sql: String) -> SQLiteStatement? {
    uses += 1
    guard let index = statements.index(forKey: sql) else { return nil }
    statements.values[index].lastUse = uses
    return statements.values[index].statement
  }

  /// Keeps a statement in place of the one that was not used for longest.
  mutating func keep(_ statement: SQLiteStatement, for sql: String) {
    if statements.count >= Self.limit,
      let oldest = statements.min(by: { $0.value.lastUse < $1.value.lastUse })
    {
      statements[oldest.key] = nil
    }
    statements[sql] = (statement, uses)
  }

  /// Gives all of them up.
  mutating func removeAll() {
    statements.removeAll()
  }
}
