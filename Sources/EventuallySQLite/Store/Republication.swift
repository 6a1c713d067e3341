public import Eventually

extension SQLiteEventLog {
  /// Has the next publisher publish events again, because the bus has lost them: from a sequence number on, no event counts as
  /// published any more. It takes the writer's role for as long as that takes.
  ///
  /// The next publisher reads the topic's end, as ever, and publishes all that it does not find there. Consumers that have applied
  /// an event drop it when it comes again. Where the events from `sequenceNumber` on do not count as published anyway, nothing
  /// changes but that what was noted of single partitions is forgotten.
  /// - Parameter sequenceNumber: the first event that is to be published again.
  /// - Throws: `RepublishError`, with a `StoreOpenError` of the code `locked` while a writer runs.
  @discardableResult
  public func republish(
    from sequenceNumber: UInt64
  ) async throws(RepublishError) -> Republication {
    try await BlockingExecutor.run(label: "store.republish") { () throws(RepublishError) in
      try self.noteUnpublished(from: sequenceNumber)
    }
  }

  private func noteUnpublished(
    from sequenceNumber: UInt64
  ) throws(RepublishError) -> Republication {
    do {
      return try withExtendedLifetime(try StoreLock(storePath: path)) {
        let connection = try SQLiteConnection(path: path, mode: .readWrite)
        return try connection.write {
          let head = UInt64(
            clamping: try connection.integer("SELECT max(sequence) FROM events") ?? 0)
          guard (1...max(head, 1)).contains(sequenceNumber), head > 0 else {
            throw RepublishError.noEvent(sequenceNumber: sequenceNumber, head: head)
          }
          let before = UInt64(
            clamping: try connection.integer("SELECT value FROM store WHERE key = 'published'") ?? 0
          )
          let through = min(sequenceNumber - 1, before)
          // Without what is noted of partitions, which may be further.
          try StoredProgress.write(PublishedProgress(through: through), to: connection)
          return Republication(from: through + 1, publishedBefore: min(before, head), head: head)
        }
      }
    } catch let error as RepublishError {
      throw error
    } catch let error as StoreOpenError {
      throw .noWriter(error)
    } catch {
      throw .unavailable(location: path, cause: error)
    }
  }
}
