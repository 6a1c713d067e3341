import Eventually

/// A store's file and its one writer, with what removals leave to be done.
final class SQLiteRecordStore: RecordStore {
  let databaseSystem = "sqlite"
  private let file: SQLiteEventLog
  private let writer: StoreWriter
  private let eraser: StoreEraser
  /// The hashes of the names of streams that may have a snapshot: most have none, and are not asked for one. Nobody else saves any.
  private let snapshotted: Locked<Set<Int>>

  /// Opens a store as its writer, and creates it where there is none.
  init(path: String, options: EventStoreOptions) throws(StoreOpenError) {
    options.checkPartitionCount()
    writer = try StoreWriter(
      path: path, partitionCount: options.partitionCount,
      transactionLimit: options.transactionLimit, queueLimit: options.queueLimit,
      streamLimit: options.streamLimit, keyLifetime: options.keyLifetime,
      heartbeats: options.heartbeats, clock: options.clock)
    eraser = try StoreEraser(writer: writer, path: path)
    file = try SQLiteEventLog(path: path)
    snapshotted = Locked(try Self.streamsWithSnapshots(path))
    eraser.start()
  }

  private static func streamsWithSnapshots(_ path: String) throws(StoreOpenError) -> Set<Int> {
    do {
      let connection = try SQLiteConnection(path: path, mode: .readOnly)
      return Set(
        try connection.rows(
          "SELECT s.id FROM snapshots n JOIN streams s ON s.key = n.stream"
        ) { $0.text(0).hashValue })
    } catch {
      throw .failed(path, error)
    }
  }

  var log: any StoreLog { file }
  var head: PositionSignal { writer.head }

  func submit(_ request: StoreRequest) {
    switch request.kind {
    case .remove: writer.submit(request.then { [eraser] in eraser.removed($0) })
    case .snapshot(let name, _): writer.submit(request.then { [self] _ in noteSnapshot(of: name) })
    default: writer.submit(request)
    }
  }

  private func noteSnapshot(of name: String) {
    snapshotted.withLock { _ = $0.insert(name.hashValue) }
  }

  func size(ofLargeStream name: String) -> UInt64 {
    writer.largeStreams.withLock { $0[name.hashValue] ?? 0 }
  }

  func snapshot(of name: String) async throws(EventStoreError) -> Snapshot? {
    guard snapshotted.withLock({ $0.contains(name.hashValue) }) else { return nil }
    return try await file.snapshot(of: name)
  }

  func recorded(
    _ key: StoredKey, of name: String
  ) async throws(EventStoreError) -> RecordedKey<Int64>? {
    try await file.recorded(key, of: name)
  }

  func writeFailure() async -> String? {
    guard writer.failure.withLock({ $0 }) != nil else { return nil }
    do {
      _ = try await writer.perform(.probe)
      return nil
    } catch {
      return error.description
    }
  }

  func waitForErasure(of removal: EventPosition, atMost limit: Duration) async -> Bool {
    await eraser.wait(through: removal.sequenceNumber, atMost: limit)
  }

  var pendingErasures: PendingErasures { eraser.pending }

  func close() async {
    await eraser.close()
    await writer.close()
  }
}

extension StoreRequest {
  /// The same request, where `body` is told first what has been carried out.
  fileprivate func then(_ body: @escaping @Sendable (StoreOutcome) -> Void) -> StoreRequest {
    StoreRequest(kind: kind) { [completion] result in
      if case .success(let outcome) = result { body(outcome) }
      completion(result)
    }
  }
}
