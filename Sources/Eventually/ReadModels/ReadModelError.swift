/// Why a read model's database can't be used.
public enum ReadModelError: Error, Sendable, CustomStringConvertible {
  /// The file, or the schema, belongs to something else, or to another read model.
  case notThisReadModel(location: String, found: String, expected: String)
  /// The database was made by another version of the read model's tables.
  case schemaVersion(location: String, found: Int, expected: Int)
  /// The database was built from another store.
  case otherStore(location: String, found: String, expected: String)
  /// The database was built from a store with another number of partitions.
  case partitionCount(location: String, found: Partition, expected: Partition)
  /// There is no space left where the database is. Nothing is lost: the checkpoint stays where it is.
  case full(location: String)
  /// The database can't be read or written.
  case unavailable(location: String, cause: any Error)
  /// The database is not what workers wrote. Nothing is lost: it is built anew from the store.
  case damaged(location: String, cause: any Error)
  /// So many streams are parked that the read model's code must be at fault. Nothing is applied until it is fixed, and
  /// streams are retried or dropped.
  case tooManyParked(limit: Int, reason: String)
  /// There is no such generation.
  case noGeneration(Int, location: String)
  /// The generation is in use, and can't be dropped; the reason says what to do.
  case generationInUse(Int, location: String, reason: String)
  /// There is no such savepoint.
  case noSavepoint(String, location: String)
  /// There is a savepoint of that name already.
  case savepointExists(String, location: String)
  /// The name can't be a savepoint's.
  case invalidSavepointName(String)
  /// The savepoint is not what was saved.
  case damagedSavepoint(String, location: String, reason: String)
  /// The savepoint was saved by another version of the read model's tables.
  case savepointSchemaVersion(String, found: Int, expected: Int)
  /// There is less room in a folder than a copy needs, in bytes; nothing was written.
  case notEnoughSpace(location: String, needed: UInt64, available: UInt64)
  /// A query took longer than it may.
  case timeLimit(Duration, location: String)
  /// There is no live generation yet.
  case notBuilt(location: String)
  /// Another process is replaying the read model.
  case replayRunning(location: String)
  /// Another replay was begun and has never ended.
  case unfinishedReplay(Int, request: String, location: String)
  /// An event was applied or parked before.
  case alreadyApplied(partition: Partition, position: UInt64)
  /// A stream is not parked, so there is nothing to be retried or dropped.
  case notParked(streamID: String)

  /// The message.
  public var description: String {
    switch self {
    case .notThisReadModel(let location, let found, let expected):
      "\(location) belongs to \(found), not to the read model '\(expected)': name \(Self.other(location))"
    case .schemaVersion(let location, let found, let expected):
      found > expected
        ? "\(location) has schema version \(found), newer than this program's \(expected): run the "
          + "newer program, or \(Self.discard(location)) to have it rebuilt"
        : "\(location) has schema version \(found), older than this program's \(expected): "
          + "\(Self.discard(location)) to have it rebuilt from the first event"
    case .otherStore(let location, let found, let expected):
      "\(location) was built from the store \(found), but this is the store \(expected): name "
        + "\(Self.other(location)), or \(Self.discard(location)) to have it rebuilt"
    case .partitionCount(let location, let found, let expected):
      "\(location) was built from a store with \(found) partitions, not \(expected): name "
        + "\(Self.other(location)), or \(Self.discard(location)) to have it rebuilt"
    case .full(let location):
      "no space left: \(location) can't grow; free some space on its disk"
    case .unavailable(let location, let cause):
      "the read model \(location) can't be used: \(cause)"
    case .damaged(let location, let cause):
      "the read model \(location) is damaged: stop its workers and \(Self.discard(location, wholly: true)), then they build it "
        + "anew from the first event (\(cause))"
    case .tooManyParked(let limit, let reason):
      "\(limit) streams are parked already, and another one can't be projected (\(reason)): fix the "
        + "code, then retry or drop what is parked"
    case .noGeneration(let number, let location):
      "\(location) has no generation \(number): 'generations list' shows those that it has"
    case .generationInUse(let number, let location, let reason):
      "generation \(number) in \(location) can't be dropped: \(reason)"
    case .noSavepoint(let name, let location):
      "\(location) has no savepoint '\(name)': 'savepoint list' shows those that it has"
    case .savepointExists(let name, let location):
      "\(location) has a savepoint '\(name)' already: delete it first, or take another name"
    case .invalidSavepointName(let name):
      "'\(name.prefix(80))' can't name a savepoint: 1 to 64 letters, digits, dots, hyphens and underscores can, "
        + "unless they are a number, a time or 'zero'"
    case .damagedSavepoint(let name, let location, let reason):
      "the savepoint '\(name)' is damaged (\(reason)): \(location) can't be used; take another one"
    case .savepointSchemaVersion(let name, let found, let expected):
      "the savepoint '\(name)' was saved with schema version \(found), and this program has \(expected): begin from a "
        + "savepoint of version \(expected), or from zero, or run the program of version \(found)"
    case .notEnoughSpace(let location, let needed, let available):
      "about \(needed >> 20) MiB are needed in \(location), and \(available >> 20) MiB are free there: free some space, or, "
        + "where it is the temporary folder, name another one with TMPDIR"
    case .timeLimit(let limit, let location):
      "the query on \(location) took longer than \(limit): ask for less, or allow more time"
    case .notBuilt(let location):
      "there is no read model in \(location) yet: run a projector, or name \(Self.other(location))"
    case .replayRunning(let location):
      "another process is replaying \(location): wait until it has ended"
    case .unfinishedReplay(let number, let request, let location):
      "a replay '\(request)' has begun generation \(number) in \(location) and not ended: run that again, or drop the generation"
    case .alreadyApplied(let partition, let position):
      "the event at partition \(partition), partition offset \(position), was applied or parked before: 'status' shows how far "
        + "each partition is"
    case .notParked(let streamID):
      "the stream '\(streamID)' is not parked"
    }
  }

  /// A location is a file's path, or an address.
  private static func isFile(_ location: String) -> Bool { !location.contains("://") }

  private static func other(_ location: String) -> String {
    isFile(location) ? "another directory" : "another database"
  }

  private static func discard(_ location: String, wholly: Bool = false) -> String {
    guard isFile(location) else { return "drop the generation" }
    return wholly ? "move the file and \(location)-wal away" : "move the file away"
  }
}
