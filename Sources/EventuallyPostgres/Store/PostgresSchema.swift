import Digests
public import Eventually
import Foundation

/// An event store's tables and functions, in a schema of their own: made, and brought up to date, by their owner.
///
/// The role that a writer connects as needs to be no owner: it reads the tables, and changes them by the functions alone. Where it is
/// the owner, or may become it, a writer makes and updates the schema by itself.
public enum PostgresSchema {
  /// The version that this code works with.
  static let version = steps.count

  /// What leads from each version to the next, from an empty schema on.
  private static let steps: [[String]] = [
    statements(SchemaVersion1.tables) + [SchemaVersion1.append]
      + statements(SchemaVersion1.functions)
  ]

  /// One a paragraph.
  private static func statements(_ text: String) -> [String] {
    text.components(separatedBy: "\n\n")
  }

  /// Makes an event store's schema where there is none, and brings an older one up to date. To do it twice changes nothing. Appends
  /// wait while it goes on, and no program of another version may run then.
  /// - Parameters:
  ///   - url: the database, as the schema's owner: `postgres://…`, or `key=value` pairs.
  ///   - schema: the schema's name.
  ///   - partitions: how many partitions a new store divides its streams among; `nil` for 12, or as many as there are.
  ///   - application: the role that writers and readers connect as, which is granted what they need; `nil` where they connect as
  ///     the owner.
  /// - Throws: `StoreOpenError`, with the code `newer` where a newer program has made the schema.
  public static func install(
    url: String, schema: String = "eventually", partitions: Partition? = nil,
    application: String? = nil
  ) async throws(StoreOpenError) {
    let address = PostgresAddress(url)
    let connection: PostgresConnection
    do {
      connection = try await PostgresConnection(address.writing)
    } catch {
      throw .unreadable(at: address.location, cause: error)
    }
    do {
      try await install(
        on: connection, schema: schema, partitions: partitions, application: application,
        location: address.location)
    } catch {
      await connection.close()
      throw .failed(address.location, error)
    }
    await connection.close()
  }

  /// Whoever installs at the same time waits.
  private static func install(
    on connection: PostgresConnection, schema: String, partitions: Partition?,
    application: String?, location: String
  ) async throws {
    let name = SQLText.name(schema)
    _ = try await connection.run(
      [
        PostgresStatement("BEGIN"),
        PostgresStatement(
          "SELECT pg_advisory_xact_lock(hashtext('eventually.schema'), hashtext($1))",
          .text(schema)),
        PostgresStatement("SELECT set_config('client_min_messages', 'warning', true)"),
        // A role may use a schema that is there already without the right to make one.
        PostgresStatement(
          """
          SELECT set_config('search_path', quote_ident($1) || ', pg_temp', true)
          """, .text(schema)),
      ], "begin to install the schema")
    let found = try await connection.run(
      [
        PostgresStatement("SELECT to_regnamespace(quote_ident($1)) IS NOT NULL", .text(schema)),
        PostgresStatement(
          "SELECT to_regclass(quote_ident($1) || '.store') IS NOT NULL", .text(schema)),
      ], "look for the schema")
    var statements: [PostgresStatement] = []
    var version = 0
    if try !found[0].bool(0, 0) { statements.append(PostgresStatement("CREATE SCHEMA \(name)")) }
    if try found[1].bool(0, 0) {
      let row = try await connection.run(
        [PostgresStatement("SELECT schema_version, partitions FROM store FOR UPDATE")],
        "read the schema's version")[0]
      version = Int(try row.integer(0, 0))
      guard version <= Self.version else {
        throw StoreOpenError.newer(
          at: location, version: Int64(version), expected: Int64(Self.version))
      }
      let actual = Partition(clamping: try row.integer(0, 1))
      if let partitions, partitions != actual {
        throw StoreOpenError.partitionCount(at: location, asked: partitions, actual: actual)
      }
    }
    for (number, step) in steps.enumerated().dropFirst(version) {
      statements += step.map { PostgresStatement($0) }
      statements.append(
        number == 0
          ? PostgresStatement(
            "INSERT INTO store (store_id, partitions, schema_version) VALUES ($1, $2, 1)",
            .uuid(EventID(time: .now())), .int4(partitions ?? 12))
          : PostgresStatement("UPDATE store SET schema_version = $1", .int4(Int32(number + 1))))
    }
    statements.append(
      PostgresStatement("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA \(name) FROM PUBLIC"))
    if let application {
      statements += SchemaVersion1.grants(to: SQLText.name(application), on: name)
        .map { PostgresStatement($0) }
    }
    _ = try await connection.run(
      statements + [PostgresStatement("COMMIT")], "install the schema")
  }
}
