import Eventually
import Foundation
import Testing

@testable import EventuallyPostgres

struct CatalogSchemaTests {
  @Test func namesFitAndDiffer() throws {
    let names = ReadModelNames()
    #expect(names.generation(12, of: "sales") == "rm_sales_g12")
    #expect(names.savepoint("before", of: "sales") == "rm_sales_s_before")
    let other = ReadModelNames(catalog: "shop")
    #expect(other.generation(1, of: "sales") == "shop_sales_g1")
    let long = [String(repeating: "x", count: 70), String(repeating: "x", count: 69) + "y"]
    for names in [names, other, ReadModelNames(catalog: String(repeating: "ü", count: 30))] {
      var all: [String] = []
      for name in long + ["sales"] {
        all.append(names.generation(999_999_999, of: name))
        for savepoint in long.map({ String($0.prefix(64)) }) + [
          "before", String(long[1].suffix(64)),
        ] {
          all.append(names.savepoint(savepoint, of: name))
        }
      }
      #expect(all.allSatisfy { $0.utf8.count <= 63 }, "\(all)")
      // Two of the savepoints are called the same.
      #expect(Set(all).count == all.count - long.count - 1, "\(all)")
    }
  }

  @Test func tablesThatCanNotBeAreRefused() throws {
    #expect(throws: Never.self) {
      try ReadModelNames.check([TableSchema("rows", key: [.text("id")], values: [])])
    }
    for table in [
      TableSchema("checkpoints", key: [.text("id")], values: []),
      TableSchema(String(repeating: "t", count: 64), key: [.text("id")], values: []),
      TableSchema("t", key: [.text("id")], values: [.integer("a\0b")]),
    ] {
      #expect(throws: RowError.self) { try ReadModelNames.check([table]) }
    }
  }

  /// Eight workers begin at once: one makes the catalog, all find it.
  @Test func manyMakeTheCatalogAtOnce() async throws {
    let url = try await TestServer.shared.get().makeDatabase()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 { group.addTask { await (try PostgresReadModels(url)).close() } }
      try await group.waitForAll()
    }
    let connection = try await PostgresConnection(url)
    let rows = try await connection.run(
      [PostgresStatement("SELECT schema_version FROM eventually_readmodels.catalog")], "read")
    #expect(try rows[0].integer(0, 0) == Int64(CatalogSchema.version))
    await connection.close()
  }

  @Test func aNewerCatalogIsRefused() async throws {
    let url = try await TestServer.shared.get().makeDatabase()
    await (try PostgresReadModels(url)).close()
    let connection = try await PostgresConnection(url)
    _ = try await connection.run(
      [PostgresStatement("UPDATE eventually_readmodels.catalog SET schema_version = 99")], "write")
    let error = await #expect(throws: ReadModelError.self) { try await PostgresReadModels(url) }
    #expect("\(error as Any)".contains("version 99, newer"), "\(error as Any)")
    await connection.close()
  }
}
