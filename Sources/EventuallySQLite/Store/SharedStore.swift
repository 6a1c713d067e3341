import Eventually

/// What the views of an open store share.
final class SharedStore: Sendable {
  let writer: StoreWriter
  let eraser: StoreEraser
  /// The hashes of the names of streams that may have a snapshot: most have none, and are not asked for one. Nobody else saves any.
  let snapshotted: Locked<Set<Int>>
  let keyMetrics = KeyMetrics()
  let recordLimit: RecordLimit
  let readsBack: Bool
  let clock: @Sendable () -> Timestamp

  init(
    writer: StoreWriter, eraser: StoreEraser, snapshotted: Set<Int>, recordLimit: RecordLimit,
    readsBack: Bool, clock: @escaping @Sendable () -> Timestamp
  ) {
    self.writer = writer
    self.eraser = eraser
    self.snapshotted = Locked(snapshotted)
    self.recordLimit = recordLimit
    self.readsBack = readsBack
    self.clock = clock
  }
}
