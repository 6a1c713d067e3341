/// Encodes the events of appends, and checks that they can be read back.
///
/// It is made where the codec is known, so that both are compiled for that codec: a store is generic, and would ask for
/// each thing that it does with an event at run time.
@usableFromInline
package struct AppendEncoder<Event: Sendable>: Sendable {
  @usableFromInline package typealias Encode =
    @Sendable (
      [Event], inout EncodedPayloads
    ) throws(EventStoreError) -> Void
  @usableFromInline package typealias Check =
    @Sendable ([Event], EncodedPayloads, _ stream: String) -> ReadBackFailure?

  private let encode: Encode
  private let check: Check?
  private let limit: RecordLimit
  /// So many are checked sooner than two threads agree on who does it.
  private static var few: Int { 2 }

  @inlinable
  package init<Codec: EventCodec>(
    _ codec: Codec, limit: RecordLimit, readsBack: Bool
  ) where Codec.Event == Event {
    let encode: Encode = {
      (events: [Event], encoded: inout EncodedPayloads) throws(EventStoreError) in
      for event in events { try encoded.append(event, codec) }
    }
    guard readsBack else {
      self.init(encode: encode, check: nil, limit: limit)
      return
    }
    let readBack = ReadBack(codec)
    self.init(
      encode: encode,
      check: { events, encoded, stream in encoded.failure(of: events, in: stream, readBack) },
      limit: limit)
  }

  @usableFromInline
  package init(encode: @escaping Encode, check: Check?, limit: RecordLimit) {
    self.encode = encode
    self.limit = limit
    self.check = check
  }

  /// Encodes the events of an append.
  /// - Throws: ``EventStoreError/unreadable(_:)`` where one can't be read back, if there are few: of many, ``EncodedEvents/check``
  ///   tells.
  package func callAsFunction(
    _ events: [Event], of streamID: String, metadata: EventMetadata
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
    for type in encoded.types { try type.checkNoZero("an event type") }
    try checkSizes(encoded, of: streamID, metadata: json.count)
    var later: AppendCheck?
    if let check {
      if events.count <= Self.few {
        if let failure = check(events, encoded, streamID) { throw .unreadable(failure) }
      } else {
        later = AppendCheck { [encoded] in check(events, encoded, streamID) }
      }
    }
    return EncodedEvents(
      types: encoded.types, payloads: encoded.bytes, ends: encoded.ends, metadata: json,
      check: later)
  }

  private func checkSizes(
    _ encoded: EncodedPayloads, of streamID: String, metadata: Int
  ) throws(EventStoreError) {
    // Read once: it is behind a lock.
    let most = limit.bytes
    var start = 0
    for (type, end) in zip(encoded.types, encoded.ends) {
      if RecordLimit.size(
        streamID: streamID, type: type, metadata: metadata, payload: end - start) > most
      {
        try limit.check(streamID: streamID, type: type, metadata: metadata, payload: end - start)
      }
      start = end
    }
  }
}

/// The types and payloads of events, as they are encoded.
@usableFromInline
package struct EncodedPayloads: Sendable {
  @usableFromInline package var types: [String] = []
  @usableFromInline package var bytes: [UInt8] = []
  @usableFromInline package var ends: [Int] = []

  package init(capacity: Int) {
    types.reserveCapacity(capacity)
    ends.reserveCapacity(capacity)
    bytes.reserveCapacity(capacity * 128)
  }

  @inlinable
  package mutating func append<Codec: EventCodec>(
    _ event: Codec.Event, _ codec: Codec
  ) throws(EventStoreError) {
    let type = codec.type(of: event)
    do {
      try codec.encode(event, into: &bytes)
    } catch {
      throw .invalid("an event of type '\(type)' can't be encoded: \(error)")
    }
    types.append(type)
    ends.append(bytes.count)
  }

  /// The first event that can't be read back.
  @inlinable
  package func failure<Codec: EventCodec>(
    of events: [Codec.Event], in stream: String, _ readBack: ReadBack<Codec>
  ) -> ReadBackFailure? {
    var start = 0
    for index in events.indices {
      do throws(ReadBackFailure) {
        try readBack.check(
          events[index], at: index, type: types[index],
          payload: bytes.span.extracting(start..<ends[index]), stream: stream)
      } catch {
        return error
      }
      start = ends[index]
    }
    return nil
  }
}
