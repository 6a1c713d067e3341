import Eventually

/// What a store says of itself.
struct StoreIdentity: Sendable {
  var storeID: String
  var partitionCount: Partition
  var isStandby: Bool
  /// Where it was moved to; `nil` where it takes appends.
  var movedTo: String?

  /// Reads it, where the tables are those that this code works with.
  /// - Parameter isUnfinished: whether it may be a copy that is not whole.
  /// - Throws: `StoreOpenError`, ``PostgresError``.
  static func read(
    _ pool: PostgresPool, schema: String, location: String, isUnfinished: Bool
  ) async throws -> StoreIdentity {
    let found = try await pool.run(
      [
        PostgresStatement(
          """
          SELECT to_regclass(quote_ident($1) || '.store') IS NOT NULL, pg_is_in_recovery(),
            to_regclass(quote_ident($1) || '.events') IS NOT NULL
          """, .text(schema))
      ], "look for the store")[0]
    guard try found.bool(0, 0) else { throw StoreOpenError.empty(at: location) }
    guard try found.bool(0, 2) else { throw StoreOpenError.notAStore(at: location) }
    let row = try await pool.run(
      [
        PostgresStatement(
          "SELECT store_id, partitions, schema_version, copying, copied_to FROM store")
      ],
      "read what the store is")[0]
    guard row.count == 1 else { throw StoreDamage("it does not say which store it is") }
    let (version, expected) = (try row.integer(0, 2), Int64(PostgresSchema.version))
    if version > expected {
      throw StoreOpenError.newer(at: location, version: version, expected: expected)
    }
    if version < expected {
      throw StoreOpenError.older(at: location, version: version, expected: expected)
    }
    if try row.bool(0, 3), !isUnfinished { throw StoreOpenError.unfinished(at: location) }
    return StoreIdentity(
      storeID: "\(try row.uuid(0, 0))", partitionCount: Partition(clamping: try row.integer(0, 1)),
      isStandby: try found.bool(0, 1),
      movedTo: row.isNull(0, 4) ? nil : try row.text(0, 4))
  }
}
