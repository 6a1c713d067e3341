import ArgumentParser
import Eventually
import EventuallyServer

extension AdminCommand {
  /// `show`
  struct Show: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
      CommandConfiguration(
        abstract: "Show rows of read models as tables.",
        discussion: """
          The first rows by key, or by a column: '\(Program.admin) show --by NAME' orders the tables that have it by it, the largest first.
          """)
    }

    @OptionGroup var targets: ReadModelArguments
    @Option(help: "At most this many rows of each table.", transform: Whole.init)
    var limit: Whole<1, 1_000_000> = 5
    @Option(help: ArgumentHelp("The column to order by, the largest first.", valueName: "column"))
    var by: String?

    func run() async throws {
      let names = try await targets.existing()
      if let by { try Self.requireColumn(by, of: names.flatMap { $0.anyModel.tables }) }
      for name in names {
        try await Self.show(
          name, try await targets.files.reader(name), limit: limit.value, by: by)
      }
    }

    /// - Throws: ``Failure`` where no table has the column.
    private static func requireColumn(_ column: String, of tables: [any ReadModelRow.Type]) throws {
      let columns = tables.map { ($0.schema.name, ($0.schema.key + $0.schema.values).map(\.name)) }
      guard !columns.contains(where: { $0.1.contains(column) }) else { return }
      let listed = columns.map { "\($0.0) (\($0.1.joined(separator: ", ")))" }
      throw Failure(
        "no table has the column '\(column)'; there are \(listed.joined(separator: ", "))")
    }

    /// Shows rows of each table of a read model.
    static func show(
      _ name: ReadModelName, _ reader: any ReadModelSource, limit: Int, by column: String? = nil
    ) async throws {
      for type in name.anyModel.tables {
        try Output.standard.line("\(name.name): \(type.schema.name)")
        try Output.standard.table(
          try await table(type.schema, reader, limit: limit, by: column))
        try Output.standard.line()
      }
    }

    private static func table(
      _ schema: TableSchema, _ reader: any ReadModelSource, limit: Int, by column: String?
    ) async throws -> TextTable {
      func quoted(_ name: String) -> String { "\"\(name.replacing("\"", with: "\"\""))\"" }
      let columns = (schema.key + schema.values).map(\.name)
      var order = schema.key.map { quoted($0.name) }
      if let column, columns.contains(column) { order.insert("\(quoted(column)) DESC", at: 0) }
      let query =
        "SELECT \(columns.map(quoted).joined(separator: ", ")) FROM \(quoted(schema.name)) "
        + "ORDER BY \(order.joined(separator: ", ")) LIMIT ?"
      var table = TextTable()
      table.header = columns
      table.rows = try await reader.read { database in
        try database.rows(query, [.integer(Int64(limit))]) { row in
          (0..<row.columnCount).map { column in
            let text = row.isNull(column) ? "-" : row.text(column)
            return text.count > 60 ? "\(text.prefix(59))…" : text
          }
        }
      }
      return table
    }
  }
}
