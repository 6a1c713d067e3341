import Eventually

/// A read model's rows as a query sees them. Nothing is written.
final class ReadingRows: RowStorage {
  private let rows: any SQLRows

  init(_ rows: any SQLRows) {
    self.rows = rows
  }

  func table(_ schema: TableSchema) throws -> any TableStorage { Table(schema, rows) }

  private final class Table: TableStorage {
    private let rows: any SQLRows
    private let select: String
    private let count: Int

    init(_ schema: TableSchema, _ rows: any SQLRows) {
      self.rows = rows
      count = schema.values.count
      func name(_ name: String) -> String { "\"\(name.replacing("\"", with: "\"\""))\"" }
      // A table may have a key alone.
      let columns = schema.values.isEmpty ? ["1"] : schema.values.map { name($0.name) }
      let key = schema.key.map { "\(name($0.name)) = ?" }
      select =
        "SELECT \(columns.joined(separator: ", ")) FROM \(name(schema.name)) "
        + "WHERE \(key.joined(separator: " AND "))"
    }

    func load(_ key: [ColumnValue]) throws -> [ColumnValue]? {
      try rows.rows(select, key) { row in (0..<count).map { row.value($0) } }.first
    }

    func save(_ key: [ColumnValue], _ values: [ColumnValue]?) {}
  }
}

/// A read model's rows in memory.
final class MemoryRows: RowStorage {
  private var tables: [String: Table] = [:]

  func table(_ schema: TableSchema) -> any TableStorage {
    let table = tables[schema.name] ?? Table()
    tables[schema.name] = table
    return table
  }

  private final class Table: TableStorage {
    private var rows: [[ColumnValue]: [ColumnValue]] = [:]

    func load(_ key: [ColumnValue]) -> [ColumnValue]? { rows[key] }

    func save(_ key: [ColumnValue], _ values: [ColumnValue]?) { rows[key] = values }
  }
}

extension ReadModelDefinition {
  /// The rows that an event changes, were it applied to the rows of now.
  /// - Returns: a failure where it can't be decoded or applied.
  func rowsChanged(
    by record: EventRecord, _ source: any ReadModelSource
  ) async throws -> Result<[RowChange], Failure> {
    try await source.lookUp { rows in
      do {
        return .success(try changes(by: record, over: ReadingRows(rows)))
      } catch {
        guard !(error is any DatabaseError) else { throw error }
        return .failure(Failure("\(error)"))
      }
    }
  }

  /// The rows as an event found and left them, with all events before it applied in the store's order.
  /// - Throws: where one of them can't be decoded or applied: then what there was is not known.
  func rowsChanged(by record: EventRecord, after records: [EventRecord]) throws -> [RowChange] {
    let memory = MemoryRows()
    let rows = Rows(over: memory)
    for (place, record) in records.enumerated() where codec.takes(stream: record.streamID) {
      if place % 256 == 0 { try Task.checkCancellation() }
      try model.take(try record.entry(decodedBy: codec), into: rows)
    }
    try rows.save()
    return try changes(by: record, over: memory)
  }

  private func changes(
    by record: EventRecord, over storage: any RowStorage
  ) throws -> [RowChange] {
    let recorded = RecordedRows(over: storage)
    let rows = Rows(over: recorded)
    try model.take(try record.entry(decodedBy: codec), into: rows)
    try rows.save()
    return recorded.changes
  }
}
