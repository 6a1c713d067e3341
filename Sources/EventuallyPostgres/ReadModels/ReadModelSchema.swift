import Eventually

/// The schema of one generation of a read model, as statements name it, and the read model's tables in it.
struct ReadModelSchema: Sendable {
  /// The schema's name, quoted.
  let namespace: String
  let tables: [ReadModelTable]

  init(_ name: String, tables: [TableSchema]) {
    let namespace = SQLText.name(name)
    self.namespace = namespace
    self.tables = tables.map { ReadModelTable($0, in: namespace) }
  }

  func table(_ schema: TableSchema) -> ReadModelTable? { tables.first { $0.schema == schema } }
}
