import Eventually

/// An entity with some events, as reads of it are answered: an example for the OpenAPI document.
struct EntityExample {
  let records: [API.Example]
  let state: API.Example

  /// - Throws: ``ApplicationError`` where the events can't be encoded, or can't follow each other.
  init<Model: Aggregate>(
    _ events: [Model.Event], of model: Model.Type, id: String, in aggregate: RegisteredAggregate
  ) throws(ApplicationError) {
    guard let codec = aggregate.codec as? any EventCodec<Model.Event> else {
      throw ApplicationError("the aggregate \(model) has a codec of other events")
    }
    var fold = aggregate.fold()
    var records: [API.Example] = []
    do {
      for (index, event) in events.enumerated() {
        let record = try Self.record(
          event, at: UInt64(index) + 1, of: Model.category.streamName(of: id), codec)
        try fold.apply(record)
        records.append(API.Example { RecordJSON.write(record, &$0) })
      }
      state = [
        "id": .init(stringLiteral: id), "version": .init(integerLiteral: Int64(events.count)),
        "state": API.Example(json: try fold.json()),
      ]
    } catch {
      throw ApplicationError(
        "the events that are given as an example of the aggregate \(model) are none: \(error)")
    }
    self.records = records
  }

  private static func record<Codec: EventCodec>(
    _ event: Codec.Event, at version: Version, of stream: String, _ codec: Codec
  ) throws -> EventRecord {
    var payload: [UInt8] = []
    try codec.encode(event, into: &payload)
    // The same each time, so that documents are.
    let time = Timestamp(microseconds: 1_795_435_200_000_000)
    return EventRecord(
      id: EventID(high: 0x01A2_0846_FE00_7000 | version & 0xFFF, low: 0x9C1F_3F5D_8A2B_7E60),
      type: codec.type(of: event), streamID: stream,
      position: EventPosition(
        partition: 0, partitionOffset: version, sequenceNumber: version, version: version),
      time: time, payload: payload)
  }
}
