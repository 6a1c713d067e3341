/// A row that was written: as it was, and as it is then.
public struct RowChange: Sendable, Hashable {
  /// The table.
  public var table: TableSchema
  /// The columns of the row's key.
  public var key: [ColumnValue]
  /// The other columns before; `nil` where there was no such row.
  public var before: [ColumnValue]?
  /// The other columns after; `nil` where there is no such row any more. They may be those before.
  public var after: [ColumnValue]?

  /// A change from its parts.
  public init(
    table: TableSchema, key: [ColumnValue], before: [ColumnValue]?, after: [ColumnValue]?
  ) {
    self.table = table
    self.key = key
    self.before = before
    self.after = after
  }
}

/// A storage that notes which rows are written. What is written is read again from here, so the storage below need not take it.
package final class RecordedRows: RowStorage {
  private let base: any RowStorage
  private let isWriting: Bool
  private var tables: [Table] = []

  /// - Parameters:
  ///   - base: where rows are read.
  ///   - isWriting: whether they are written there too, so that what it refuses is refused.
  package init(over base: any RowStorage, isWriting: Bool = false) {
    self.base = base
    self.isWriting = isWriting
  }

  package func table(_ schema: TableSchema) throws -> any TableStorage {
    if let table = tables.first(where: { $0.schema == schema }) { return table }
    let table = Table(schema, try base.table(schema), isWriting: isWriting)
    tables.append(table)
    return table
  }

  /// The rows that were written, by table, in the order in which each was written first.
  package var changes: [RowChange] { tables.flatMap(\.changes) }

  private final class Table: TableStorage {
    let schema: TableSchema
    private let base: any TableStorage
    private let isWriting: Bool
    private(set) var changes: [RowChange] = []
    private var places: [[ColumnValue]: Int] = [:]

    init(_ schema: TableSchema, _ base: any TableStorage, isWriting: Bool) {
      self.schema = schema
      self.base = base
      self.isWriting = isWriting
    }

    func load(_ key: [ColumnValue]) throws -> [ColumnValue]? {
      if let place = places[key] { return changes[place].after }
      return try base.load(key)
    }

    func save(_ key: [ColumnValue], _ values: [ColumnValue]?) throws {
      guard let place = places[key] else {
        let before = try base.load(key)
        if isWriting { try base.save(key, values) }
        places[key] = changes.count
        changes.append(RowChange(table: schema, key: key, before: before, after: values))
        return
      }
      if isWriting { try base.save(key, values) }
      changes[place].after = values
    }
  }
}
