/// A stream's events, read from a store of records in pages.
public struct StoredStream<Codec: EventCodec>: AsyncSequence, Sendable {
  /// Events of one stream.
  public typealias Element = Persisted<String, Codec.Event>
  /// `EventStoreError`, as `any Error` for the sake of the protocol.
  public typealias Failure = any Error
  let log: any StoreLog
  let codec: Codec
  let streamID: String
  let from: Version
  private let names: StreamNames

  /// A stream of a store, from a version on.
  public init(log: any StoreLog, codec: Codec, streamID: String, from: Version = 1) {
    self.init(log: log, codec: codec, streamID: streamID, from: from, names: .all)
  }

  /// A stream as a view of a store names it.
  init(
    log: any StoreLog, codec: Codec, streamID: String, from: Version, names: StreamNames
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
    private let sequence: StoredStream
    /// Once the first event is asked for.
    private var pages: (any StreamPages)?
    private var page: [EventRecord] = []
    private var index = 0
    private var hasEnded = false

    fileprivate init(sequence: StoredStream) {
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
