import Digests
import Eventually
import Foundation

/// What the schemas of read models are called. PostgreSQL cuts names after 63 bytes, without an error.
struct ReadModelNames: Sendable, Hashable {
  /// The schema of the catalog.
  let catalog: String

  static let longest = 63
  static let defaultCatalog = "eventually_readmodels"

  init(catalog: String = defaultCatalog) { self.catalog = catalog }

  /// What the names of all schemas of generations and savepoints begin with: those of two catalogs in a database differ.
  var prefix: String {
    catalog == Self.defaultCatalog ? "rm_" : Self.fitting(catalog, in: 20) + "_"
  }

  /// The schema of a generation.
  func generation(_ number: Int, of model: String) -> String {
    let end = "_g\(number)"
    return prefix + Self.fitting(model, in: Self.longest - prefix.utf8.count - end.utf8.count) + end
  }

  /// The schema of a savepoint.
  func savepoint(_ name: String, of model: String) -> String {
    let whole = prefix + model + "_s_" + name
    if whole.utf8.count <= Self.longest { return whole }
    let model = Self.fitting(model, in: 24)
    let end =
      "_s_" + Self.fitting(name, in: Self.longest - prefix.utf8.count - model.utf8.count - 3)
    return prefix + model + end
  }

  /// The name, or as much of it as fits together with digits by which it differs from others that begin alike.
  private static func fitting(_ name: String, in size: Int) -> String {
    if name.utf8.count <= size { return name }
    let digest = SHA256.hash(data: Data(name.utf8)).prefix(5)
      .map { String($0 >> 4, radix: 16) + String($0 & 0xF, radix: 16) }.joined()
    var start = ""
    for character in name where start.utf8.count + String(character).utf8.count < size - 10 {
      start.append(character)
    }
    return start + "_" + digest
  }

  /// - Throws: `RowError` where PostgreSQL can't have a table as a read model describes it.
  static func check(_ tables: [TableSchema]) throws(RowError) {
    for table in tables {
      for name in [table.name] + table.columns.map(\.name)
      where name.isEmpty || name.utf8.count > longest || name.utf8.contains(0) {
        throw RowError(
          table: table.name,
          reason: "the name '\(name)' does not have 1 to \(longest) bytes: shorten it")
      }
      if table.name == "readmodel" || GenerationTables.names.contains(table.name)
        || PostgresWorkerReports.names.contains(table.name)
      {
        throw RowError(
          table: table.name, reason: "every read model has a table of that name: take another one")
      }
    }
  }
}
