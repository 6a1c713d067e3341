public import Eventually

/// A stream's events, read from a store's file in pages.
public struct SQLiteStreamEvents<Codec: EventCodec>: AsyncSequence, Sendable {
  /// Events of one stream.
  public typealias Element = Persisted<String, Codec.Event>
  /// `EventStoreError`, as `any Error` for the sake of the protocol.
  public typealias Failure = any Error
  let log: SQLiteEventLog
  let codec: Codec
  let streamID: String
  let from: Version
  private let names: StreamNames

  /// A stream in a store's file, from a version on.
  public init(log: SQLiteEventLog, codec: Codec, streamID: String, from: Version = 1) {
    self.init(log: log, codec: codec, streamID: streamID, from: from, names: .all)
  }

  /// A stream as a view of a store names it.
  init(
    log: SQLiteEventLog, codec: Codec, streamID: String, from: Version, names: StreamNames
  ) {
    self.log = log
    self.codec = codec
    self.streamID = streamID
    self.from = from
    self.names = names
  }

  /// An iterator at the first event. The stream ends where it ended when the first event was read.
  public func makeAsyncIterator() -> Iterator {
    Iterator(sequence: self)
  }

  /// Reads one event after the other.
  public struct Iterator: AsyncIteratorProtocol {
    private let sequence: SQLiteStreamEvents
    /// Once the first event is asked for.
    private var pages: SQLiteStreamPages?
    private var page: [EventRecord] = []
    private var index = 0
    private var hasEnded = false

    fileprivate init(sequence: SQLiteStreamEvents) {
      self.sequence = sequence
    }

    private mutating func nextPage() async throws -> [EventRecord] {
      if pages == nil {
        // A page as large as a few of the largest events.
        pages = sequence.log.pages(
          ofStream: try sequence.names.name(of: sequence.streamID), from: sequence.from,
          bytes: 1 << 20)
      }
      let page = try await pages?.next() ?? []
      hasEnded = pages?.isAtEnd ?? true
      return page
    }

    /// The next event, or `nil` at the end.
    public mutating func next() async throws -> Persisted<String, Codec.Event>? {
      if index == page.count {
        if hasEnded { return nil }
        page = try await nextPage()
        index = 0
        if page.isEmpty { return nil }
      }
      let entry = try page[index].entry(decodedBy: sequence.codec)
      index += 1
      switch entry {
      case .event(var persisted):
        persisted.streamID = sequence.streamID
        return persisted
      case .unreadable(let event):
        throw EventStoreError.undecodable(
          position: event.position, type: event.type, cause: UnreadableEventError(event))
      case .removed, .erased, .other:
        // A stream that is removed while it is read ends here.
        hasEnded = true
        page = []
        index = 0
        return nil
      }
    }
  }
}

/// A store's entries, read from its file in pages.
public struct SQLiteLogEntries<Codec: EventCodec>: AsyncSequence, Sendable {
  /// Entries of the whole store.
  public typealias Element = LogEntry<String, Codec.Event>
  /// `EventStoreError`, as `any Error` for the sake of the protocol.
  public typealias Failure = any Error
  let log: SQLiteEventLog
  let codec: Codec
  let after: UInt64
  /// Where new entries are awaited; `nil` where the sequence ends with what is there.
  let signal: PositionSignal?
  private let names: StreamNames

  /// A store's entries after a sequence number.
  public init(log: SQLiteEventLog, codec: Codec, after: UInt64 = 0, signal: PositionSignal? = nil) {
    self.init(log: log, codec: codec, after: after, signal: signal, names: .all)
  }

  /// A store's entries as a view of it has them.
  init(
    log: SQLiteEventLog, codec: Codec, after: UInt64, signal: PositionSignal? = nil,
    names: StreamNames
  ) {
    self.log = log
    self.codec = codec
    self.after = after
    self.signal = signal
    self.names = names
  }

  /// An iterator at the first entry.
  public func makeAsyncIterator() -> Iterator {
    Iterator(sequence: self)
  }

  /// Reads one entry after the other.
  public struct Iterator: AsyncIteratorProtocol {
    private static var pageSize: Int { 1024 }
    private let sequence: SQLiteLogEntries
    private var position: UInt64
    private var page: [EventRecord] = []
    private var index = 0

    fileprivate init(sequence: SQLiteLogEntries) {
      self.sequence = sequence
      position = sequence.after
    }

    /// The next entry; at the end `nil`, or a wait for more where the sequence is a live one.
    public mutating func next() async throws -> LogEntry<String, Codec.Event>? {
      while index == page.count {
        page = try await sequence.log.records(after: position, limit: Self.pageSize)
        index = 0
        if !page.isEmpty { break }
        guard let signal = sequence.signal, !Task.isCancelled else { return nil }
        await signal.wait(past: position)
      }
      let record = page[index]
      guard record.position.sequenceNumber == position + 1 else {
        throw EventStoreError.damaged(
          sequence.log.path, StoreDamage.missing(sequenceNumber: position + 1))
      }
      index += 1
      position += 1
      return try sequence.names.entry(record, decodedBy: sequence.codec)
    }
  }
}
