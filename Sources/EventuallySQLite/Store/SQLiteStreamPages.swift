import Eventually

/// The records of a stream, a page at a time, so that a large stream is never in memory as a whole.
struct SQLiteStreamPages: StreamPages {
  private let log: SQLiteEventLog
  private let streamID: String
  private let from: Version
  private let bytes: Int
  /// The sequence numbers of what is left; `nil` before the first page.
  private var left: ArraySlice<UInt64>?

  /// The version at which the stream ends, once the first page has been read; 0 before.
  private(set) var lastVersion: Version = 0

  init(log: SQLiteEventLog, streamID: String, from: Version, bytes: Int) {
    self.log = log
    self.streamID = streamID
    self.from = from
    self.bytes = bytes
  }

  /// Whether the last page has been read.
  var isAtEnd: Bool { left?.isEmpty ?? false }

  /// The next records in order of version, up to 512 of them; none at the end. The stream ends where it ended when the first page
  /// was read. A record of a stream that was removed since is of the type `EventRecord.erasedType`.
  mutating func next() async throws(EventStoreError) -> [EventRecord] {
    let numbers: ArraySlice<UInt64>
    if let left {
      numbers = left
    } else {
      numbers = try await log.sequenceNumbers(of: streamID, from: from)[...]
      // Each version of a stream has one event.
      if !numbers.isEmpty { lastVersion = max(from, 1) - 1 + Version(numbers.count) }
    }
    let page = try await log.records(at: numbers.prefix(512), bytes: bytes)
    left = numbers.dropFirst(page.count)
    return page
  }
}
