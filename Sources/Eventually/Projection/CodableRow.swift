/// A row that is a plain struct: its columns come from `Codable`.
///
/// ```swift
/// struct TagRow: CodableRow {
///   static let table = "tags"
///   var tag: String
///   var notes = 0
///   var key: String { tag }
/// }
/// ```
///
/// The first stored property is the key, under its own name; a key of several columns is a struct of its own, whose members
/// are the columns. Integers and `Bool` become columns of integers; texts, enumerations of texts, `UUID` and ``Timestamp``
/// columns of text; anything else a column of text with its JSON. An integer beyond the range of `Int64` can't be saved. Numbers with a fraction are refused, since sums of them
/// depend on their order, and a replay would not come to the same rows: count in a smaller unit.
///
/// To write and read a row takes some microseconds more than with ``ReadModelRow``, which a read model with many rows an
/// event can use instead.
public protocol CodableRow: ReadModelRow, Codable where Key: Codable {
  /// The table's name.
  static var table: String { get }
  /// Lists of columns by which queries look rows up; none by default.
  static var indexes: [[String]] { get }
  /// Whether events of several partitions may touch one row, see ``TableSchema/isShared``; `true` by default.
  static var isShared: Bool { get }
}

extension CodableRow {
  /// None.
  public static var indexes: [[String]] { [] }

  /// They may.
  public static var isShared: Bool { true }

  /// The table, from the properties.
  public static var schema: TableSchema { RowLayout.of(Self.self).schema }

  /// A key's columns.
  /// - Throws: ``RowError`` where the key can't be encoded.
  public static func columns(of key: Key) throws -> [ColumnValue] {
    try RowLayout.of(Self.self).columns(of: key)
  }

  /// The key that columns are of.
  /// - Throws: ``RowError`` where a column does not hold what the key needs.
  public static func key(from columns: [ColumnValue]) throws -> Key {
    try RowLayout.of(Self.self).key(Key.self, from: columns)
  }

  /// The columns after the key.
  public var values: [ColumnValue] { get throws { try RowLayout.of(Self.self).values(of: self) } }

  /// Finds out whether the type can be a row, before there is one.
  /// - Throws: ``RowError`` with the reason.
  package static func checkLayout() throws { _ = try RowLayout(Self.self) }

  /// A row from its columns.
  public init(key: Key, values: [ColumnValue]) throws {
    self = try RowLayout.of(Self.self).row(
      Self.self, key: try Self.columns(of: key), values: values)
    guard Self.isSame(self.key, key) else {
      throw RowError(table: Self.table, reason: "the first property of \(Self.self) is not its key")
    }
  }
}

/// How the rows of a type lie in columns, found once.
struct RowLayout: Sendable {
  let schema: TableSchema
  /// The member that holds a key of several columns; `nil` where the key is one column.
  private let keyMember: String?

  private static let known = Locked<[ObjectIdentifier: RowLayout]>([:])

  static func of<Row: CodableRow>(_ type: Row.Type) -> RowLayout {
    let id = ObjectIdentifier(type)
    if let layout = known.withLock({ $0[id] }) { return layout }
    let layout: RowLayout
    do {
      layout = try RowLayout(type)
    } catch {
      // No input leads here, only how the type is written.
      preconditionFailure("\(type) can't be a row: \(error)")
    }
    known.withLock { $0[id] = layout }
    return layout
  }

  init<Row: CodableRow>(_ type: Row.Type) throws {
    guard case .object(let members) = try Shape(of: type), let first = members.first else {
      throw RowError(table: Row.table, reason: "it has no properties")
    }
    let keys: [TableColumn]
    if case .object(let parts) = first.shape, !parts.isEmpty {
      keyMember = first.name
      keys = try parts.map { try Self.column($0, of: Row.table) }
    } else {
      keyMember = nil
      keys = [try Self.column(first, of: Row.table)]
    }
    let values = try members.dropFirst().map { try Self.column($0, of: Row.table) }
    let names = (keys + values).map(\.name)
    if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
      throw RowError(table: Row.table, reason: "two columns are called '\(twice)'")
    }
    schema = TableSchema(
      Row.table, key: keys, values: values, indexes: Row.indexes, isShared: Row.isShared)
  }

  private static func column(
    _ member: Shape.Member, of table: String
  ) throws(RowError) -> TableColumn {
    switch member.shape {
    case .integer, .boolean: return .integer(member.name)
    case .number:
      throw RowError(
        table: table,
        reason:
          "'\(member.name)' is a number with a fraction: sums of such depend on their order, so count in a smaller unit"
      )
    default: return .text(member.name)
    }
  }

  func columns<Key: Encodable>(of key: Key) throws(RowError) -> [ColumnValue] {
    do {
      guard keyMember != nil else { return [try ColumnValue(encoding: key)] }
      let columns = try ColumnCollector.columns(of: key)
      return schema.key.map { columns[$0.name] ?? .null }
    } catch {
      throw RowError(table: schema.name, reason: "a key can't be encoded: \(error)")
    }
  }

  func key<Key: Decodable>(_ type: Key.Type, from columns: [ColumnValue]) throws(RowError) -> Key {
    do {
      if keyMember == nil {
        return try ColumnValueDecoder(
          value: columns.first ?? .null, name: schema.key[0].name
        ).decode(type)
      }
      var named: [String: ColumnValue] = [:]
      for (column, value) in zip(schema.key, columns) { named[column.name] = value }
      return try Key(from: ColumnDecoder(columns: named, nested: nil))
    } catch {
      throw RowError(table: schema.name, reason: "\(error)")
    }
  }

  func values<Row: CodableRow>(of row: Row) throws(RowError) -> [ColumnValue] {
    do {
      let columns = try ColumnCollector.columns(of: row, without: keyMember)
      return schema.values.map { columns[$0.name] ?? .null }
    } catch {
      throw RowError(table: schema.name, reason: "a row can't be encoded: \(error)")
    }
  }

  func row<Row: CodableRow>(
    _ type: Row.Type, key: [ColumnValue], values: [ColumnValue]
  ) throws -> Row {
    var columns: [String: ColumnValue] = [:]
    for (column, value) in zip(schema.key + schema.values, key + values) {
      columns[column.name] = value
    }
    do {
      return try Row(from: ColumnDecoder(columns: columns, nested: keyMember))
    } catch {
      throw RowError(table: schema.name, reason: "\(error)")
    }
  }
}
