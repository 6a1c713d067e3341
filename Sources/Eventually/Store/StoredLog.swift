/// A store's entries, read from a store of records in pages.
public struct StoredLog<Codec: EventCodec>: AsyncSequence, Sendable {
  /// Entries of the whole store.
  public typealias Element = LogEntry<String, Codec.Event>
  /// `EventStoreError`, as `any Error` for the sake of the protocol.
  public typealias Failure = any Error
  let log: any StoreLog
  let codec: Codec
  let after: UInt64
  /// Where new entries are awaited; `nil` where the sequence ends with what is there.
  let signal: PositionSignal?
  private let names: StreamNames

  /// A store's entries after a sequence number.
  public init(
    log: any StoreLog, codec: Codec, after: UInt64 = 0, signal: PositionSignal? = nil
  ) {
    self.init(log: log, codec: codec, after: after, signal: signal, names: .all)
  }

  /// A store's entries as a view of it has them.
  init(
    log: any StoreLog, codec: Codec, after: UInt64, signal: PositionSignal? = nil,
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
    private let sequence: StoredLog
    private var position: UInt64
    private var page: [EventRecord] = []
    private var index = 0

    fileprivate init(sequence: StoredLog) {
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
        throw EventStoreError.unavailable(
          "the store \(sequence.log.location) is damaged",
          cause: EventLogError.missing(sequenceNumber: position + 1))
      }
      index += 1
      position += 1
      return try sequence.names.entry(record, decodedBy: sequence.codec)
    }
  }
}
