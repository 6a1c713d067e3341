import Eventually

/// Keeps everybody from writing to a generation's file, for as long as it is not released.
///
/// `@unchecked Sendable`: the connection is used by whoever holds it, one call at a time; it is made by one task, which
/// releases it.
final class FileHold: GenerationHold, @unchecked Sendable {
  private let directory: ReadModelDirectory
  let connection: SQLiteConnection
  /// The generation's number.
  let generation: Int
  private var isHeld = true

  init(_ directory: ReadModelDirectory, generation: Int) throws(ReadModelError) {
    self.directory = directory
    self.generation = generation
    let path = directory.path(of: generation)
    do {
      connection = try SQLiteConnection(path: path, mode: .readWrite, busyTimeout: 30_000)
      try connection.execute("BEGIN IMMEDIATE")
    } catch {
      throw .failed(path, error)
    }
  }

  /// Makes another generation the live one, in one atomic step, and lets others write again.
  func makeLive(_ generation: Int) throws(ReadModelError) {
    try directory.exclusively { () throws(ReadModelError) in try directory.link(generation) }
    release()
  }

  /// Lets others write again.
  func release() {
    guard isHeld else { return }
    isHeld = false
    // Nothing was written: an end that fails leaves nothing to undo, and closing the connection ends it too.
    try? connection.execute("ROLLBACK")
  }
}

extension FileHold {
  /// How far each partition of the store is applied, as a list; 0 for nothing.
  func positions() throws(ReadModelError) -> [UInt64] {
    do {
      guard let identity = try ReadModelSchema.identity(connection) else {
        throw ReadModelError.notBuilt(location: connection.path)
      }
      return try ReadModelReader.checkpoints(connection).positions(of: identity.partitionCount)
    } catch {
      throw .failed(connection.path, error)
    }
  }
}

extension FileHold {
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
