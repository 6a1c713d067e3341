import Eventually

/// Encoded events that wait to be appended. The payloads lie one after the other in one array.
struct EncodedEvents: Sendable {
  var types: [String] = []
  var payloads: [UInt8] = []
  /// Where each event's payload ends.
  var ends: [Int] = []
  /// The encoded metadata of all of them; empty for none.
  var metadata: [UInt8] = []
  /// Finds out whether they can be read back; `nil` where nobody asks.
  var check: AppendCheck?

  var count: Int { types.count }

  /// What the events add to their stream's size, of which metadata is no part: a trace adds some to each event.
  var bytes: UInt64 { UInt64(payloads.count) }

  init<Codec: EventCodec>(
    _ events: [Codec.Event], metadata: EventMetadata, codec: Codec, maximumSize: Int,
    readBack: ReadBack<Codec>? = nil
  ) throws(EventStoreError) {
    if !metadata.isEmpty {
      self.metadata = metadata.json
      guard self.metadata.count <= EventMetadata.maximumSize else {
        throw .invalid(
          "the metadata takes \(self.metadata.count) bytes, more than \(EventMetadata.maximumSize)")
      }
    }
    types.reserveCapacity(events.count)
    ends.reserveCapacity(events.count)
    payloads.reserveCapacity(events.count * 128)
    for event in events {
      let type = codec.type(of: event)
      let start = payloads.count
      do {
        try codec.encode(event, into: &payloads)
      } catch {
        throw .invalid("an event of type '\(type)' can't be encoded: \(error)")
      }
      guard payloads.count - start <= maximumSize else {
        throw .invalid(
          "an event of type '\(type)' takes \(payloads.count - start) bytes, more than the "
            + "\(maximumSize) that a record may have")
      }
      types.append(type)
      ends.append(payloads.count)
    }
    guard let readBack else { return }
    check = AppendCheck { [types, payloads, ends] in
      var start = 0
      for index in events.indices {
        do throws(ReadBackFailure) {
          try readBack.check(
            events[index], at: index, type: types[index],
            payload: payloads.span.extracting(start..<ends[index]))
        } catch {
          return error
        }
        start = ends[index]
      }
      return nil
    }
  }
}

/// Something that the writer does in a transaction.
struct StoreRequest: Sendable {
  enum Kind: Sendable {
    case append(streamID: String, expecting: Expected, EncodedEvents)
    case remove(streamID: String)
    case snapshot(streamID: String, Snapshot)
    /// All events up to this one have been acknowledged by the bus.
    case published(UInt64)
    /// No event changes: only whether the store can be written is of interest.
    case probe
  }

  var kind: Kind
  /// Hears of the outcome once it is durable; `nil` in it for requests that add no event.
  var completion: @Sendable (Result<Appended?, EventStoreError>) -> Void

  /// Whether it erases events.
  var erases: Bool {
    if case .remove = kind { return true }
    return false
  }

  var weight: Int {
    if case .append(_, _, let events) = kind { return events.count }
    return 0
  }
}
