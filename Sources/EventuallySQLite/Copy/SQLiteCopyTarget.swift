package import Eventually

/// A copy of a store in a file. Its schema version says that it is unfinished, also to earlier versions of the program.
package actor SQLiteCopyTarget: CopyTarget {
  package nonisolated let location: String
  private let executor = BlockingExecutor(label: "store.copy")
  private var path: String { location }
  /// The writer's role, once there is a file.
  private var lock: StoreLock?
  private var opened: SQLiteCopyWriter?

  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// - Parameter path: a file, or a name that is free in a folder that exists.
  package init(path: String) {
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { String(path[...$0]) } ?? "."
    let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
    // As the same file is called later, wherever that is asked from.
    location =
      FileIdentity(path: path) == nil
      ? resolvedPath(folder) + "/" + name : resolvedPath(path)
  }

  package func state() throws(StoreCopyError) -> CopyTargetState {
    guard FileIdentity(path: path) != nil else { return .nothing }
    return try opening {
      let lock = try StoreLock(storePath: path)
      let connection = try SQLiteConnection(path: path, mode: .readWrite)
      let version = try StoreSchema.version(of: connection)
      if version == 0, try connection.integer("SELECT count(*) FROM sqlite_schema") == 0 {
        self.lock = lock
        return .nothing
      }
      guard StoreSchema.isUnfinished(version) else {
        return .store(id: try StoreSchema.identity(connection).storeID)
      }
      guard version == StoreSchema.unfinished + StoreSchema.version else {
        throw StoreCopyError.otherVersion(path)
      }
      let identity = try StoreSchema.identity(connection, isUnfinished: true)
      let last = try connection.rows(
        "SELECT sequence, id FROM events ORDER BY sequence DESC LIMIT 1"
      ) { ($0.unsigned(0), $0.optionalEventID(1)) }.first
      self.lock = lock
      return .unfinished(
        storeID: identity.storeID, partitionCount: identity.partitionCount, head: last?.0 ?? 0,
        last: last?.1)
    }
  }

  package func begin(storeID: String, partitionCount: Partition) throws(StoreCopyError) {
    try opening {
      if lock == nil { lock = try StoreLock(storePath: path) }
      try StoreSchema.createUnfinished(
        try SQLiteConnection(path: path, mode: .create),
        StoreSchema.Identity(storeID: storeID, partitionCount: partitionCount))
      lock?.note(storeID: storeID)
    }
  }

  package func contents() throws(StoreCopyError) -> any StoreContents {
    try opening {
      let log = try SQLiteEventLog(path: path, isUnfinished: true)
      opened = try SQLiteCopyWriter(path: path, partitionCount: log.partitionCount)
      return SQLiteStoreContents(sqlite: log)
    }
  }

  package func add(_ records: [EventRecord]) throws(StoreCopyError) {
    try writing { try $0.add(records) }
  }

  package func removeKeys() throws(StoreCopyError) { try writing { try $0.removeKeys() } }

  package func add(_ keys: [CopiedKey]) throws(StoreCopyError) {
    try writing { try $0.add(keys) }
  }

  package func replace(
    skips: [CopiedSkip], progress: PublishedProgress
  ) throws(StoreCopyError) {
    try writing { try $0.replace(skips: skips, progress: progress) }
  }

  package func finish() throws(StoreCopyError) {
    try writing { try StoreSchema.finish($0.connection) }
  }

  package func close() { (lock, opened) = (nil, nil) }

  private func writing(_ body: (SQLiteCopyWriter) throws -> Void) throws(StoreCopyError) {
    guard let opened else {
      preconditionFailure("a copy is written to after its contents are asked for")
    }
    do {
      try opened.connection.write { try body(opened) }
    } catch let error as StoreCopyError {
      throw error
    } catch {
      throw .failed(.failed(path, "could not be written", error))
    }
  }

  private func opening<Result>(_ body: () throws -> Result) throws(StoreCopyError) -> Result {
    do {
      return try body()
    } catch let error as StoreCopyError {
      throw error
    } catch {
      throw .notOpened(.failed(path, error))
    }
  }
}
