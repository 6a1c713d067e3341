/// What an append expects of its stream.
public enum ExpectedVersion: Sendable, Hashable {
  /// Any version: append whatever the stream holds.
  case any
  /// Exactly this version; 0 expects a stream without events.
  case exact(Version)
}

/// Which part of a stream, or of the whole store, is read.
public enum ReadRange: Sendable, Hashable {
  /// All events from the first.
  case all
  /// Events whose version (or, for the whole store, sequence number) is at least this.
  case from(UInt64)

  /// The first version or sequence number that is read.
  public var lowerBound: UInt64 {
    switch self {
    case .all: 1
    case .from(let bound): max(1, bound)
    }
  }
}
