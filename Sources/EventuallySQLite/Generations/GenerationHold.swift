import Eventually

/// Keeps everybody from writing to a database, for as long as it is not released.
///
/// `@unchecked Sendable`: the connection is used by whoever holds it, one call at a time; it is made by one task, which
/// releases it.
final class GenerationHold: @unchecked Sendable {
  let connection: SQLiteConnection
  /// The generation's number.
  let generation: Int
  private var isHeld = true

  init(path: String, generation: Int) throws(ReadModelError) {
    self.generation = generation
    do {
      connection = try SQLiteConnection(path: path, mode: .readWrite, busyTimeout: 30_000)
      try connection.execute("BEGIN IMMEDIATE")
    } catch {
      throw .failed(path, error)
    }
  }

  /// Lets others write again.
  func release() {
    guard isHeld else { return }
    isHeld = false
    // Nothing was written: an end that fails leaves nothing to undo, and closing the connection ends it too.
    try? connection.execute("ROLLBACK")
  }
}

extension GenerationHold {
  /// How far each partition of the store is applied, as a list; 0 for nothing.
  func positions() throws(ReadModelError) -> [UInt64] {
    do {
      guard let identity = try ReadModelSchema.identity(connection) else {
        throw ReadModelError.notBuilt(path: connection.path)
      }
      var positions = [UInt64](repeating: 0, count: Int(identity.partitionCount))
      for checkpoint in try ReadModelReader.checkpoints(connection)
      where positions.indices.contains(Int(checkpoint.partition)) {
        positions[Int(checkpoint.partition)] = checkpoint.position ?? 0
      }
      return positions
    } catch {
      throw .failed(connection.path, error)
    }
  }
}

extension GenerationHold {
  /// Where the bus is likely to hold what comes next of each partition, where that is known.
  func offsets() throws(ReadModelError) -> [Partition: Int64] {
    do {
      let rows = try connection.rows(
        "SELECT partition, next_offset FROM checkpoints WHERE next_offset IS NOT NULL"
      ) { (Partition(clamping: $0.integer(0)), $0.integer(1)) }
      return Dictionary(rows) { first, _ in first }
    } catch {
      throw .failed(connection.path, error)
    }
  }
}
