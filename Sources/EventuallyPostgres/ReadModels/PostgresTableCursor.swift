import Digests
import Eventually
import Foundation

/// Walks a table's rows in the order of their keys, a page at a time, in the session's transaction.
struct PostgresTableCursor {
  private let session: CatalogSession
  private let table: TableSchema
  private let name: String
  private var page: PostgresRows?
  private var index = 0
  private var isAtEnd = false

  /// Rows are fetched so many at a time.
  static let pageSize = 2000

  /// - Parameters:
  ///   - schema: where the table is.
  ///   - number: another one than those of all cursors before it in the session: an answer to `FETCH` is of its cursor's columns for good.
  init(
    _ session: CatalogSession, _ schema: String, _ table: TableSchema, number: Int
  ) async throws(PostgresError) {
    self.session = session
    self.table = table
    name = "rows_\(number)"
    func list(_ columns: [TableColumn]) -> String {
      columns.map { SQLText.name($0.name) }.joined(separator: ", ")
    }
    try await session.run(
      """
      DECLARE \(name) NO SCROLL CURSOR FOR SELECT \(list(table.columns))
      FROM \(SQLText.name(schema)).\(SQLText.name(table.name)) ORDER BY \(list(table.key))
      """, doing: "read rows")
  }

  /// The next row's columns; `nil` behind the last.
  mutating func next() async throws(PostgresError) -> [ColumnValue]? {
    if let page, index < page.count {
      defer { index += 1 }
      return try page.columns(index, of: table.columns)
    }
    if isAtEnd { return nil }
    let page = try await session.run(
      "FETCH FORWARD \(Self.pageSize) FROM \(name)", doing: "read rows")
    isAtEnd = page.count < Self.pageSize
    self.page = page
    index = 0
    if page.count == 0 {
      try await session.run("CLOSE \(name)", doing: "read rows")
      return nil
    }
    return try await next()
  }
}

extension PostgresRows {
  /// The values of columns that are as a read model describes them.
  func columns(_ row: Int, of columns: [TableColumn]) throws(PostgresError) -> [ColumnValue] {
    try columns.enumerated().map { index, column throws(PostgresError) in
      try value(row, index, column.kind)
    }
  }
}

/// What tells whether tables are as they were. The caller's transaction sees one state of them.
extension CatalogSession {
  /// The digest of a read model's rows, as it is in any database.
  /// - Parameter number: of the first cursor.
  func digest(
    of tables: [TableSchema], in schema: String, from number: Int = 0
  ) async throws -> ReadModelDigest {
    var digest = ReadModelDigest()
    for (index, table) in tables.enumerated() {
      var cursor = try await PostgresTableCursor(self, schema, table, number: number + index)
      while let columns = try await cursor.next() { digest.add(table, columns) }
    }
    return digest
  }

  /// The digest of the tables beside the read model's own, without the list of what is yet to be forgotten, which changes.
  ///
  /// A bit that has changed in a position would have a replay leave events out, or apply them twice.
  func seal(of schema: String) async throws -> String {
    let tables = GenerationTables.names.subtracting(["removals", "shared_lock"]).sorted()
    var hash = SHA256()
    for table in tables {
      // Rows as text, whose form the settings decide, and in whatever order: by their own digests.
      let rows = try await run(
        """
        SELECT encode(sha256(coalesce(string_agg(h, ''::bytea ORDER BY h), ''::bytea)), 'hex')
        FROM (SELECT sha256(convert_to(t::text, 'UTF8')) AS h FROM \(SQLText.name(schema)).\(table) t) s
        """, doing: "seal a savepoint")
      hash.update(data: Data("\(table) \(try rows.text(0, 0))\n".utf8))
    }
    return hash.finalize().map { byte in
      String(byte >> 4, radix: 16) + String(byte & 0xF, radix: 16)
    }.joined()
  }
}
