public import Eventually

/// Encodes the events of appends, and checks that they can be read back.
///
/// It is made where the codec is known, so that both are compiled for that codec: a store is generic, and would ask for
/// each thing that it does with an event at run time.
@usableFromInline
struct AppendEncoder<Event: Sendable>: Sendable {
  @usableFromInline typealias Encode =
    @Sendable (
      [Event], inout EncodedPayloads
    ) throws(EventStoreError) -> Void
  @usableFromInline typealias Check = @Sendable ([Event], EncodedPayloads) -> ReadBackFailure?

  private let encode: Encode
  private let check: Check?
  /// So many are checked sooner than two threads agree on who does it.
  private static var few: Int { 2 }

  @inlinable
  init<Codec: EventCodec>(
    _ codec: Codec, maximumSize: Int, readsBack: Bool
  ) where Codec.Event == Event {
    let encode: Encode = {
      (events: [Event], encoded: inout EncodedPayloads) throws(EventStoreError) in
      for event in events { try encoded.append(event, codec, maximumSize: maximumSize) }
    }
    guard readsBack else {
      self.init(encode: encode, check: nil)
      return
    }
    let readBack = ReadBack(codec)
    self.init(encode: encode, check: { events, encoded in encoded.failure(of: events, readBack) })
  }

  @usableFromInline
  init(encode: @escaping Encode, check: Check?) {
    self.encode = encode
    self.check = check
  }

  /// Encodes the events of an append.
  /// - Throws: ``EventStoreError/unreadable(_:)`` where one can't be read back, if there are few: of many, ``EncodedEvents/check``
  ///   tells.
  func callAsFunction(
    _ events: [Event], metadata: EventMetadata
  ) throws(EventStoreError) -> EncodedEvents {
    var json: [UInt8] = []
    if !metadata.isEmpty {
      json = metadata.json
      guard json.count <= EventMetadata.maximumSize else {
        throw .invalid(
          "the metadata takes \(json.count) bytes, more than \(EventMetadata.maximumSize)")
      }
    }
    var encoded = EncodedPayloads(capacity: events.count)
    try encode(events, &encoded)
    var later: AppendCheck?
    if let check {
      if events.count <= Self.few {
        if let failure = check(events, encoded) { throw .unreadable(failure) }
      } else {
        later = AppendCheck { [encoded] in check(events, encoded) }
      }
    }
    return EncodedEvents(
      types: encoded.types, payloads: encoded.bytes, ends: encoded.ends, metadata: json,
      check: later)
  }
}

/// The types and payloads of events, as they are encoded.
@usableFromInline
struct EncodedPayloads: Sendable {
  @usableFromInline var types: [String] = []
  @usableFromInline var bytes: [UInt8] = []
  @usableFromInline var ends: [Int] = []

  init(capacity: Int) {
    types.reserveCapacity(capacity)
    ends.reserveCapacity(capacity)
    bytes.reserveCapacity(capacity * 128)
  }

  @inlinable
  mutating func append<Codec: EventCodec>(
    _ event: Codec.Event, _ codec: Codec, maximumSize: Int
  ) throws(EventStoreError) {
    let type = codec.type(of: event)
    let start = bytes.count
    do {
      try codec.encode(event, into: &bytes)
    } catch {
      throw .invalid("an event of type '\(type)' can't be encoded: \(error)")
    }
    guard bytes.count - start <= maximumSize else {
      throw .invalid(
        "an event of type '\(type)' takes \(bytes.count - start) bytes, more than the "
          + "\(maximumSize) that a record may have")
    }
    types.append(type)
    ends.append(bytes.count)
  }

  /// The first event that can't be read back.
  @inlinable
  func failure<Codec: EventCodec>(
    of events: [Codec.Event], _ readBack: ReadBack<Codec>
  ) -> ReadBackFailure? {
    var start = 0
    for index in events.indices {
      do throws(ReadBackFailure) {
        try readBack.check(
          events[index], at: index, type: types[index],
          payload: bytes.span.extracting(start..<ends[index]))
      } catch {
        return error
      }
      start = ends[index]
    }
    return nil
  }
}
