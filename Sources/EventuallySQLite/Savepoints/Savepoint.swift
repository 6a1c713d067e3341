public import Eventually
import Foundation

extension Savepoint {
  private static let keys = (
    name: "checkpoint", saved: "saved", automatic: "automatic", rows: "rows", digest: "digest"
  )

  /// Makes a copy of a read model a savepoint: notes its name and the digest of its rows.
  static func seal(
    _ connection: SQLiteConnection, name: String, isAutomatic: Bool, tables: [TableSchema]
  ) throws(SQLiteError) {
    // What the replay told that built the live generation is not the savepoint's, and may have rows that are to be forgotten.
    try ReadModelSchema.dropNote(connection)
    let digest = try ReadModelDigest.of(connection, tables: tables)
    let insert = "INSERT OR REPLACE INTO readmodel VALUES (?, ?)"
    try connection.run(insert, .text(keys.name), .text(name))
    try connection.run(insert, .text(keys.saved), .integer(Timestamp.now().microseconds))
    try connection.run(insert, .text(keys.automatic), .integer(isAutomatic ? 1 : 0))
    try connection.run(insert, .text(keys.rows), .integer(Int64(digest.rows)))
    try connection.run(insert, .text(keys.digest), .text(digest.text))
    try noteSeal(connection, tables: tables)
  }

  /// Notes the digest of everything but the rows; last, since it is of what the others have noted.
  private static func noteSeal(
    _ connection: SQLiteConnection, tables: [TableSchema]
  ) throws(SQLiteError) {
    let seal = try SavepointSeal.text(connection, without: unsealed(tables))
    try connection.run(
      "INSERT OR REPLACE INTO readmodel VALUES (?, ?)", .text(SavepointSeal.key), .text(seal))
  }

  /// The tables of rows, which have a digest of their own, and the list of what is yet to be forgotten, which changes.
  private static func unsealed(_ tables: [TableSchema]) -> Set<String> {
    Set(tables.map(\.name) + ["removals"])
  }

  /// Notes the digests of a savepoint anew, after some streams were forgotten.
  static func reseal(
    _ connection: SQLiteConnection, tables: [TableSchema]
  ) throws(SQLiteError) {
    let digest = try ReadModelDigest.of(connection, tables: tables)
    let insert = "INSERT OR REPLACE INTO readmodel VALUES (?, ?)"
    try connection.run(insert, .text(keys.rows), .integer(Int64(digest.rows)))
    try connection.run(insert, .text(keys.digest), .text(digest.text))
    try noteSeal(connection, tables: tables)
  }

  /// Makes a copy of a savepoint a read model's database again.
  static func unseal(_ connection: SQLiteConnection) throws(SQLiteError) {
    for key in [keys.name, keys.saved, keys.automatic, keys.rows, keys.digest, SavepointSeal.key] {
      try connection.run("DELETE FROM readmodel WHERE key = ?", .text(key))
    }
  }

  /// What a savepoint says of itself; `nil` where the file is none.
  init?(_ connection: SQLiteConnection) throws {
    let select = "SELECT value FROM readmodel WHERE key = ?"
    guard let identity = try ReadModelSchema.identity(connection),
      let name = try connection.text(select, .text(Self.keys.name)),
      let saved = try connection.integer(select, .text(Self.keys.saved)),
      let rows = try connection.integer(select, .text(Self.keys.rows)),
      let digest = try connection.text(select, .text(Self.keys.digest))
    else { return nil }
    var positions: [Partition: UInt64] = [:]
    for checkpoint in try ReadModelReader.checkpoints(connection) {
      positions[checkpoint.partition] = checkpoint.position ?? 0
    }
    let sequence = try connection.integer("SELECT max(sequence) FROM checkpoints")
    self.init(
      name: name, location: connection.path, schemaVersion: identity.schemaVersion,
      storeID: identity.storeID, saved: Timestamp(microseconds: saved),
      isAutomatic: try connection.integer(select, .text(Self.keys.automatic)) == 1,
      positions: positions, sequenceNumber: UInt64(clamping: sequence ?? 0), rows: Int(rows),
      digest: digest)
  }

  /// Reads the savepoint's file whole.
  /// - Throws: `ReadModelError.savepointSchemaVersion(_:found:expected:)` where `model` has other tables,
  ///   `ReadModelError.notThisReadModel(location:found:expected:)` where it is of another read model, and
  ///   `ReadModelError.damagedSavepoint(_:location:reason:)` where it is not what was saved.
  public func verify(model: any ReadModel) throws(ReadModelError) {
    do {
      let connection = try SQLiteConnection(path: location, mode: .readOnly)
      // Before its tables are looked at: those of another version have other columns.
      if let identity = try ReadModelSchema.identity(connection) {
        guard identity.name == model.name else {
          throw ReadModelError.notThisReadModel(
            location: location, found: "the read model '\(identity.name)'", expected: model.name)
        }
        guard identity.schemaVersion == model.schemaVersion else {
          throw ReadModelError.savepointSchemaVersion(
            name, found: identity.schemaVersion, expected: model.schemaVersion)
        }
      }
      let check = try connection.text("PRAGMA integrity_check(1)")
      guard check == "ok" else {
        throw ReadModelError.damagedSavepoint(
          name, location: location, reason: check ?? "SQLite can't read it")
      }
      try Self.check(connection, model: model)
    } catch {
      throw .failedSavepoint(name, location, error)
    }
  }

  /// Holds a savepoint's rows and all else that it has against the digests that were noted when it was saved.
  /// - Throws: `ReadModelError.damagedSavepoint(_:location:reason:)`, or what SQLite says.
  static func check(_ connection: SQLiteConnection, model: any ReadModel) throws {
    guard let savepoint = try Savepoint(connection) else {
      throw ReadModelError.damagedSavepoint(
        URL(filePath: connection.path).deletingPathExtension().lastPathComponent,
        location: connection.path, reason: "it does not say what was saved")
    }
    func damaged(_ reason: String) -> ReadModelError {
      .damagedSavepoint(savepoint.name, location: connection.path, reason: reason)
    }
    let found = try ReadModelDigest.of(connection, tables: model.tables.map { $0.schema })
    guard found.text == savepoint.digest, found.rows == savepoint.rows else {
      throw damaged(
        "its rows have the digest \(found.text), and were saved with \(savepoint.digest)")
    }
    // Those of earlier versions have none.
    let saved = try connection.text(
      "SELECT value FROM readmodel WHERE key = ?", .text(SavepointSeal.key))
    let unsealed = Self.unsealed(model.tables.map { $0.schema })
    guard try saved == nil || saved == SavepointSeal.text(connection, without: unsealed) else {
      throw damaged("its positions, or what is parked in it, are not what was saved")
    }
  }
}
