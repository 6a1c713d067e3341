public import Eventually

/// Why a read model's database can't be used.
public enum ReadModelError: Error, Sendable, CustomStringConvertible {
  /// The file belongs to something else, or to another read model.
  case notThisReadModel(path: String, found: String, expected: String)
  /// The database was made by another version of the read model's tables.
  case schemaVersion(path: String, found: Int, expected: Int)
  /// The database was built from another store.
  case otherStore(path: String, found: String, expected: String)
  /// The database was built from a store with another number of partitions.
  case partitionCount(path: String, found: Partition, expected: Partition)
  /// There is no space left where the database is. Nothing is lost: the checkpoint stays where it is.
  case full(path: String)
  /// The database can't be read or written.
  case unavailable(path: String, cause: any Error)
  /// The database is not what workers wrote. Nothing is lost: it is built anew from the store.
  case damaged(path: String, cause: any Error)
  /// So many streams are parked that the read model's code must be at fault. Nothing is applied until it is fixed, and
  /// streams are retried or dropped.
  case tooManyParked(limit: Int, reason: String)
  /// There is no such generation.
  case noGeneration(Int, path: String)
  /// The generation is in use, and can't be dropped; the reason says what to do.
  case generationInUse(Int, path: String, reason: String)
  /// There is no such checkpoint.
  case noSavepoint(String, path: String)
  /// There is a checkpoint of that name already.
  case savepointExists(String, path: String)
  /// The name can't be a checkpoint's.
  case invalidSavepointName(String)
  /// The checkpoint is not what was saved.
  case damagedSavepoint(String, path: String, reason: String)
  /// The checkpoint was saved by another version of the read model's tables.
  case savepointSchemaVersion(String, found: Int, expected: Int)
  /// There is less room in a folder than a copy needs, in bytes; nothing was written.
  case notEnoughSpace(path: String, needed: UInt64, available: UInt64)
  /// A query took longer than it may.
  case timeLimit(Duration, path: String)
  /// There is no live generation yet.
  case notBuilt(path: String)
  /// Another process is replaying the read model.
  case replayRunning(path: String)
  /// Another replay was begun and has never ended.
  case unfinishedReplay(Int, request: String, path: String)
  /// An event was applied or parked before.
  case alreadyApplied(partition: Partition, position: UInt64)
  /// A stream is not parked, so there is nothing to be retried or dropped.
  case notParked(streamID: String)

  /// The message.
  public var description: String {
    switch self {
    case .notThisReadModel(let path, let found, let expected):
      "\(path) belongs to \(found), not to the read model '\(expected)': name another directory"
    case .schemaVersion(let path, let found, let expected):
      found > expected
        ? "\(path) has schema version \(found), newer than this program's \(expected): run the "
          + "newer program, or move the file away to have it rebuilt"
        : "\(path) has schema version \(found), older than this program's \(expected): move the "
          + "file away to have it rebuilt from the first event"
    case .otherStore(let path, let found, let expected):
      "\(path) was built from the store \(found), but this is the store \(expected): name another "
        + "directory, or move the file away to have it rebuilt"
    case .partitionCount(let path, let found, let expected):
      "\(path) was built from a store with \(found) partitions, not \(expected): name another "
        + "directory, or move the file away to have it rebuilt"
    case .full(let path):
      "no space left: \(path) can't grow; free some space on its disk"
    case .unavailable(let path, let cause):
      "the read model \(path) can't be used: \(cause)"
    case .damaged(let path, let cause):
      "the read model \(path) is damaged: stop its workers and move the file and \(path)-wal away, then they build it "
        + "anew from the first event (\(cause))"
    case .tooManyParked(let limit, let reason):
      "\(limit) streams are parked already, and another one can't be projected (\(reason)): fix the "
        + "code, then retry or drop what is parked"
    case .noGeneration(let number, let path):
      "\(path) has no generation \(number): 'generations list' shows those that it has"
    case .generationInUse(let number, let path, let reason):
      "generation \(number) in \(path) can't be dropped: \(reason)"
    case .noSavepoint(let name, let path):
      "\(path) has no savepoint '\(name)': 'savepoint list' shows those that it has"
    case .savepointExists(let name, let path):
      "\(path) has a savepoint '\(name)' already: delete it first, or take another name"
    case .invalidSavepointName(let name):
      "'\(name.prefix(80))' can't name a savepoint: 1 to 64 letters, digits, dots, hyphens and underscores can, "
        + "unless they are a number, a time or 'zero'"
    case .damagedSavepoint(let name, let path, let reason):
      "the savepoint '\(name)' is damaged (\(reason)): \(path) can't be used; take another one"
    case .savepointSchemaVersion(let name, let found, let expected):
      "the savepoint '\(name)' was saved with schema version \(found), and this program has \(expected): begin from a "
        + "savepoint of version \(expected), or from zero, or run the program of version \(found)"
    case .notEnoughSpace(let path, let needed, let available):
      "about \(needed >> 20) MiB are needed in \(path), and \(available >> 20) MiB are free there: free some space, or, "
        + "where it is the temporary folder, name another one with TMPDIR"
    case .timeLimit(let limit, let path):
      "the query on \(path) took longer than \(limit): ask for less, or allow more time"
    case .notBuilt(let path):
      "there is no read model in \(path) yet: run a projector, or name another directory"
    case .replayRunning(let path):
      "another process is replaying \(path): wait until it has ended"
    case .unfinishedReplay(let number, let request, let path):
      "a replay '\(request)' has begun generation \(number) in \(path) and not ended: run that again, or drop the generation"
    case .alreadyApplied(let partition, let position):
      "the event at partition \(partition), partition offset \(position), was applied or parked before: 'status' shows how far "
        + "each partition is"
    case .notParked(let streamID):
      "the stream '\(streamID)' is not parked"
    }
  }
}
