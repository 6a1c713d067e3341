import Eventually

/// What is to be published again.
public struct Republication: Sendable, Hashable {
  /// The sequence number of the first event that does not count as published any more.
  public var from: UInt64
  /// The sequence number up to which all events counted as published before.
  public var publishedBefore: UInt64
  /// The last sequence number of the store.
  public var head: UInt64
}

/// Why events can't be published again.
public enum RepublishError: Error, Sendable, CustomStringConvertible {
  /// The store has no event of this sequence number.
  case noEvent(sequenceNumber: UInt64, head: UInt64)
  /// The store's writer runs, or the store can't be opened as its writer.
  case noWriter(StoreOpenError)
  /// The store could not be written.
  case unavailable(path: String, cause: any Error)

  /// What is wrong, and what to do.
  public var description: String {
    switch self {
    case .noEvent(let sequenceNumber, let head):
      head == 0
        ? "the store has no events: there is nothing to publish again"
        : "the store has no event of the sequence number \(sequenceNumber): it has 1 to \(head)"
    case .noWriter(let error): error.description
    case .unavailable(let path, let cause): "the store \(path) could not be written: \(cause)"
    }
  }
}

extension SQLiteEventLog {
  /// Has the next publisher publish events again, because the bus has lost them: from a sequence number on, no event counts as
  /// published any more. It takes the writer's role for as long as that takes.
  ///
  /// The next publisher reads the topic's end, as ever, and publishes all that it does not find there. Consumers that have applied
  /// an event drop it when it comes again. Where the events from `sequenceNumber` on do not count as published anyway, nothing
  /// changes but that what was noted of single partitions is forgotten.
  /// - Parameter sequenceNumber: the first event that is to be published again.
  /// - Throws: ``RepublishError``, with a ``StoreOpenError`` of the code ``StoreOpenError/Code/locked`` while a writer runs.
  @discardableResult
  public func republish(from sequenceNumber: UInt64 = 1) throws(RepublishError) -> Republication {
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
      throw .unavailable(path: path, cause: error)
    }
  }
}
