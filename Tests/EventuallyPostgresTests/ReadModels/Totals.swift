import Eventually
import Foundation
import Testing

@testable import EventuallyPostgres

/// A read model for tests: a total for each stream.
struct Totals: ReadModel {
  struct Row: ReadModelRow {
    static let schema = TableSchema(
      "totals", key: [.text("id")], values: [.integer("total"), .text("note")],
      indexes: [["total", "id"], ["note"]])
    var key: String
    var total: Int64
    var note: String?

    init(_ key: String, _ total: Int64, _ note: String? = nil) {
      self.key = key
      self.total = total
      self.note = note
    }

    init(key: String, values: [ColumnValue]) throws {
      self.key = key
      total = try values.integer(0, of: Self.schema)
      note = try values.optionalText(1, of: Self.schema)
    }

    var values: [ColumnValue] { [.integer(total), note.map { .text($0) } ?? .null] }
  }

  var name = "totals"
  var schemaVersion = 1
  var tables: [any ReadModelRow.Type] { [Row.self] }

  func project(_ event: Persisted<String, Int64>, into rows: Rows) throws {
    try rows.update(Row.self, event.streamID) { row in
      row = Row(event.streamID, (row?.total ?? 0) &+ event.event)
    }
  }

  func forget(_ streamID: String, in rows: Rows) throws { try rows.delete(Row.self, streamID) }
}

/// A catalog in a database of its own.
struct TestCatalog {
  let url: String
  let database: PostgresReadModels
  let catalog: PostgresReadModelCatalog
  static let storeID = "7b4d1b5e-0000-4000-8000-000000000001"

  init(_ model: Totals = Totals()) async throws {
    url = try await TestServer.shared.get().makeDatabase()
    database = try await PostgresReadModels(url)
    catalog = PostgresReadModelCatalog(database, model: model)
  }

  func openLive() async throws -> PostgresGeneration {
    try await catalog.openLive(storeID: Self.storeID, partitionCount: 4)
  }

  /// A generation that a replay has built.
  func build(_ request: String = "zero", from base: PostgresSavepoint? = nil) async throws -> Int {
    let number = try await catalog.begin(
      request, from: base, storeID: Self.storeID, partitionCount: 4)
    try await catalog.completeBuild(of: number)
    return number
  }

  /// Runs SQL in a generation.
  @discardableResult
  func run(
    _ sql: String, _ parameters: PostgresValue..., in generation: Int? = nil
  ) async throws -> PostgresRows {
    var statement = PostgresStatement(sql)
    statement.parameters = parameters
    let schema = try await schema(generation)
    return try await database.ask(statement, in: schema, doing: "test")
  }

  func schema(_ generation: Int?) async throws -> String {
    if let generation { return try await catalog.found(generation).schema }
    return try #require(try await catalog.foundLive()).schema
  }

  func save(_ name: String) async throws -> PostgresSavepoint {
    _ = try await catalog.saveSavepoint(name, of: Totals(), isAutomatic: false) { _ in true }
    return try await catalog.foundSavepoint(name)
  }

  /// Compares two schemas.
  func compare(expected: String, found: String) async throws -> StateComparison {
    try await StateComparison(
      expected: PostgresReadModelState(catalog, schema: expected, partitionCount: 4),
      found: PostgresReadModelState(catalog, schema: found, partitionCount: 4),
      tables: [Totals.Row.schema])
  }

  func close() async { await database.close() }
}
