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
  /// So many streams are parked that the read model's code must be at fault. Nothing is applied until it is mended, and
  /// streams are retried or dropped.
  case tooManyParked(limit: Int, reason: String)
  /// A stream is not parked, so there is nothing to be retried or dropped.
  case notParked(streamID: String)

  /// What happened and what to do, for people.
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
    case .tooManyParked(let limit, let reason):
      "\(limit) streams are parked already, and another one can't be projected (\(reason)): mend the "
        + "code, then retry or drop what is parked"
    case .notParked(let streamID):
      "the stream '\(streamID)' is not parked"
    }
  }
}
