/// Reads the rows of a read model's tables, for queries: in a database, and in memory where queries are tested.
public protocol RowReader {
  /// The row with a key, or `nil`.
  /// - Throws: ``RowError`` where the row can't be made of its columns.
  func row<R: ReadModelRow>(_ type: R.Type, _ key: R.Key) throws -> R?

  /// The rows for which all conditions hold.
  /// - Parameters:
  ///   - type: its table is read.
  ///   - conditions: where there are none, all rows. A database finds rows fast by the leading columns of the key or of one of
  ///     ``TableSchema/indexes``, and reads the whole table otherwise.
  ///   - order: by these columns in turn, then by the key. Nothing comes before integers, and integers before text, which is in
  ///     the order of its UTF-8.
  ///   - place: only the rows after the one that has these values in the columns of the order and then in those of its key, whether or not
  ///     there is such a row; `nil` for the first.
  ///   - limit: at most so many of them, the first; none where it is not positive.
  /// - Throws: ``RowError`` where the table has no such column, a column can't hold its condition's value, a row can't be made
  ///   of its columns, or the place has not as many values as it needs.
  func rows<R: ReadModelRow>(
    _ type: R.Type, where conditions: [RowCondition], orderedBy order: [RowOrder],
    after place: [ColumnValue]?, limit: Int
  ) throws -> [R]
}

extension RowReader {
  /// The first rows in an order for which all conditions hold.
  public func rows<R: ReadModelRow>(
    _ type: R.Type, where conditions: [RowCondition], orderedBy order: [RowOrder], limit: Int
  ) throws -> [R] {
    try rows(type, where: conditions, orderedBy: order, after: nil, limit: limit)
  }

  /// All rows for which all conditions hold.
  public func rows<R: ReadModelRow>(
    _ type: R.Type, where conditions: [RowCondition] = [], orderedBy order: [RowOrder] = []
  ) throws -> [R] {
    try rows(type, where: conditions, orderedBy: order, limit: .max)
  }

  /// The first rows in an order.
  public func rows<R: ReadModelRow>(
    _ type: R.Type, orderedBy order: [RowOrder] = [], limit: Int
  ) throws -> [R] {
    try rows(type, where: [], orderedBy: order, limit: limit)
  }

  /// The first rows by their keys for which all conditions hold.
  public func rows<R: ReadModelRow>(
    _ type: R.Type, where conditions: [RowCondition], limit: Int
  ) throws -> [R] {
    try rows(type, where: conditions, orderedBy: [], limit: limit)
  }
}

/// What rows are looked up by.
public struct RowCondition: Sendable {
  /// The column.
  public let column: String
  private let wanted: Result<ColumnValue, any Error>

  /// A column holds a value, as the column of a ``CodableRow`` holds a property; `nil` where it holds nothing.
  public static func equals(_ column: String, _ value: some Encodable) -> RowCondition {
    RowCondition(column: column, wanted: Result { try ColumnValue(encoding: value) })
  }

  /// A column holds a value.
  public static func equals(_ column: String, _ value: ColumnValue) -> RowCondition {
    RowCondition(column: column, wanted: .success(value))
  }

  /// Where the column is among all of a table, and what it must hold.
  /// - Throws: ``RowError`` where there is no such column, or it can't hold the value: a database would take the text `5` for
  ///   the integer.
  package func resolved(
    in table: TableSchema
  ) throws(RowError) -> (index: Int, value: ColumnValue) {
    let index = try table.index(of: column)
    let value: ColumnValue
    do {
      value = try wanted.get()
    } catch {
      throw RowError(
        table: table.name, reason: "the value for the column '\(column)' is none: \(error)")
    }
    switch (table.columns[index].kind, value) {
    case (.integer, .integer), (.text, .text), (_, .null): return (index, value)
    case (let kind, _):
      throw RowError(
        table: table.name, reason: "the column '\(column)' holds \(kind), and never \(value)")
    }
  }
}

/// What rows are ordered by.
public struct RowOrder: Sendable, Hashable {
  /// The column.
  public let column: String
  /// Whether the largest come first.
  public let isDescending: Bool

  /// The smallest first.
  public static func ascending(_ column: String) -> RowOrder {
    RowOrder(column: column, isDescending: false)
  }

  /// The largest first.
  public static func descending(_ column: String) -> RowOrder {
    RowOrder(column: column, isDescending: true)
  }
}

extension TableSchema {
  /// The columns of the key and the others, in order.
  package var columns: [TableColumn] { key + values }

  /// The columns of an order, and those of the key: what tells where a row is in it. None that the table does not have.
  package func columns(of order: [RowOrder]) throws(RowError) -> [TableColumn] {
    var found: [TableColumn] = []
    for order in order { found.append(columns[try index(of: order.column)]) }
    return found + key
  }

  /// Where a column is among all of the table.
  /// - Throws: ``RowError`` with the columns, where it is none.
  package func index(of column: String) throws(RowError) -> Int {
    guard let index = columns.firstIndex(where: { $0.name.hasSameBytes(as: column) }) else {
      let names = columns.map(\.name).joined(separator: ", ")
      throw RowError(table: name, reason: "there is no column '\(column)': it has \(names)")
    }
    return index
  }
}

/// Reads rows in memory.
///
/// It is not what a projection has: over a database, ``Rows`` are those that have been asked for, and to search them would find some
/// rows and miss others.
package struct MemoryRowReader: RowReader {
  private let rows: Rows

  /// - Parameter rows: those of a read model in memory, without a storage.
  package init(_ rows: Rows) {
    self.rows = rows
  }

  /// The row with a key, or `nil`.
  package func row<R: ReadModelRow>(_ type: R.Type, _ key: R.Key) throws -> R? {
    try rows.row(type, key)
  }

  /// The rows for which all conditions hold, in order.
  package func rows<R: ReadModelRow>(
    _ type: R.Type, where conditions: [RowCondition], orderedBy order: [RowOrder],
    after place: [ColumnValue]?, limit: Int
  ) throws -> [R] {
    let schema = R.schema
    try schema.check(place, in: order)
    let wanted = try conditions.map { try $0.resolved(in: schema) }
    let order =
      try order.map { (index: try schema.index(of: $0.column), isDescending: $0.isDescending) }
      + schema.key.indices.map { ($0, false) }
    let found = try rows.list(R.self).map {
      (row: $0, columns: try R.columns(of: $0.key) + $0.values)
    }.filter { row in wanted.allSatisfy { row.columns[$0.index] == $0.value } }
    let sorted = found.sorted { a, b in
      for (index, isDescending) in order where a.columns[index] != b.columns[index] {
        return a.columns[index].isBefore(b.columns[index]) != isDescending
      }
      return false
    }.drop { row in
      guard let place else { return false }
      for ((index, isDescending), value) in zip(order, place) where row.columns[index] != value {
        return row.columns[index].isBefore(value) != isDescending
      }
      return true
    }
    return sorted.prefix(max(0, limit)).map(\.row)
  }
}

extension ReadModelRow {
  /// Where the row is in an order.
  package func place(in order: [RowOrder]) throws -> [ColumnValue] {
    let key = try Self.columns(of: key)
    let columns = try key + values
    return try order.map { columns[try Self.schema.index(of: $0.column)] } + key
  }
}

extension TableSchema {
  /// - Throws: ``RowError`` where a place has not the values that the order needs.
  package func check(_ place: [ColumnValue]?, in order: [RowOrder]) throws(RowError) {
    guard let place, place.count != order.count + key.count else { return }
    throw RowError(
      table: name,
      reason: "a place in this order has \(order.count + key.count) values, not \(place.count)")
  }
}

extension ColumnValue {
  /// A database's order.
  package func isBefore(_ other: ColumnValue) -> Bool {
    switch (self, other) {
    case (.null, .null): false
    case (.null, _): true
    case (_, .null): false
    case (.integer(let a), .integer(let b)): a < b
    case (.integer, .text): true
    case (.text, .integer): false
    case (.text(let a), .text(let b)): ByteKey(a) < ByteKey(b)
    }
  }
}
