package import Eventually
import Foundation
package import Orders

/// Orders and their events as the HTTP interface writes and reads them.
package enum OrderJSON {
  /// The state of an order.
  static func write(
    _ state: Order.State, id: String, version: Version, _ json: inout JSONWriter
  ) {
    json.beginObject()
    json.key("id")
    json.string(id)
    json.key("version")
    json.integer(version)
    json.key("status")
    json.string(state.status.rawValue)
    if let header = state.header { OrderEventCodec.write(header, &json) }
    if let reason = state.cancellation { json.member("cancellation", reason) }
    json.key("total")
    json.plainString { state.total.append(to: &$0) }
    json.key("items")
    json.beginArray()
    for line in state.lines {
      json.beginObject()
      OrderEventCodec.write(line, &json)
      json.endObject()
    }
    json.endArray()
    json.endObject()
  }

  /// What a command's answer says: the order's version, and where its last event is, also where the command led to none.
  static func writeHandled(_ id: String, _ root: AggregateRoot<Order>) -> Reply {
    let token = root.position.map {
      ConsistencyToken(partition: $0.partition, position: $0.partitionOffset)
    }
    return Reply { json in
      json.beginObject()
      json.member("order", id)
      json.member("version", root.version)
      if let position = root.position { json.member("sequenceNumber", position.sequenceNumber) }
      if let token { json.member("token", token.description) }
      json.endObject()
    }.carrying(token)
  }

  /// An event's record.
  static func write(_ record: EventRecord, _ json: inout JSONWriter) {
    json.beginObject()
    json.key("id")
    json.plainString { record.id.append(to: &$0) }
    json.key("type")
    json.string(record.type)
    json.key("stream")
    json.string(record.streamID)
    json.key("version")
    json.integer(record.position.version)
    json.key("partition")
    json.integer(record.position.partition)
    json.key("position")
    json.integer(record.position.partitionOffset)
    json.key("sequenceNumber")
    json.integer(record.position.sequenceNumber)
    json.key("time")
    json.plainString { record.time.append(to: &$0) }
    if !record.payload.isEmpty { writePayload(record.payload, &json) }
    if !record.metadata.isEmpty {
      json.key("metadata")
      record.metadata.write(&json)
    }
    json.endObject()
  }

  /// A payload that is not JSON, which damage may have made it, would make the answer unreadable.
  private static func writePayload(_ payload: [UInt8], _ json: inout JSONWriter) {
    if isJSON(payload.span) {
      json.key("data")
      json.raw(payload)
    } else {
      json.key("dataBase64")
      json.string(Data(payload).base64EncodedString())
    }
  }

  private static func isJSON(_ bytes: Span<UInt8>) -> Bool {
    do {
      var reader = JSONReader(bytes)
      try reader.skip()
      try reader.finish()
      return true
    } catch {
      return false
    }
  }

  /// Reads what ``write(_:_:)`` writes for a record.
  static func record(_ bytes: Span<UInt8>) throws -> EventRecord {
    var reader = JSONReader(bytes)
    var id: EventID?
    var type: String?
    var stream: String?
    var time: Timestamp?
    var payload: [UInt8] = []
    var metadata = EventMetadata()
    var position = EventPosition(
      partition: 0, partitionOffset: 0, sequenceNumber: 0, version: 0)
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if reader.isKey(key, "id") {
        id = EventID(utf8: reader.slice(try reader.plainString()).span)
      } else if reader.isKey(key, "type") {
        type = try reader.string()
      } else if reader.isKey(key, "stream") {
        stream = try reader.string()
      } else if reader.isKey(key, "version") {
        position.version = try unsigned(&reader)
      } else if reader.isKey(key, "partition") {
        guard let partition = Partition(exactly: try reader.integer()), partition >= 0 else {
          throw InvalidMember("event", "has no partition")
        }
        position.partition = partition
      } else if reader.isKey(key, "position") {
        position.partitionOffset = try unsigned(&reader)
      } else if reader.isKey(key, "sequenceNumber") {
        position.sequenceNumber = try unsigned(&reader)
      } else if reader.isKey(key, "time") {
        time = Timestamp(utf8: reader.slice(try reader.plainString()).span)
      } else if reader.isKey(key, "data") {
        payload = reader.slice(try reader.skip())
      } else if reader.isKey(key, "dataBase64") {
        guard let data = Data(base64Encoded: try reader.string()) else {
          throw InvalidMember("dataBase64", "is not base64")
        }
        payload = Array(data)
      } else if reader.isKey(key, "metadata") {
        metadata = try EventMetadata(json: reader.slice(try reader.skip()).span)
      } else {
        try reader.skip()
      }
    }
    try reader.finish()
    guard let id, let type, let stream, let time, position.partitionOffset > 0,
      position.sequenceNumber > 0
    else { throw InvalidMember("event", "lacks a part") }
    return EventRecord(
      id: id, type: type, streamID: stream, position: position, time: time, payload: payload,
      metadata: metadata)
  }

  private static func unsigned(_ reader: inout JSONReader) throws -> UInt64 {
    let number = try reader.integer()
    guard number >= 0 else { throw InvalidMember("event", "has a negative number") }
    return UInt64(number)
  }

  /// Reads `{"expectedVersion": 0, "commands": [{"create": {…}}, {"addItem": {…}}, {"complete": {}}]}`.
  static func commands(
    _ bytes: Span<UInt8>, now: Timestamp
  ) throws -> (commands: [Order.Command], expectedVersion: Version?) {
    var reader = JSONReader(bytes)
    var commands: [Order.Command] = []
    var expected: Version?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if reader.isKey(key, "expectedVersion") {
        expected = try unsigned(&reader)
      } else if reader.isKey(key, "commands") {
        try reader.beginArray()
        while try reader.nextElement() {
          try reader.beginObject()
          guard let name = try reader.nextKey() else {
            throw InvalidMember("commands", "holds an empty object")
          }
          let kind = reader.name(name)
          commands.append(try command(kind, reader.slice(try reader.skip()).span, now: now))
          guard try reader.nextKey() == nil else {
            throw InvalidMember("commands", "holds an object with two commands")
          }
        }
      } else {
        try reader.skip()
      }
    }
    try reader.finish()
    guard !commands.isEmpty else { throw InvalidMember("commands", "is missing or empty") }
    return (commands, expected)
  }

  /// Reads one command's own object.
  static func command(
    _ name: String, _ bytes: Span<UInt8>, now: Timestamp
  ) throws -> Order.Command {
    switch name {
    case "create": return .create(try OrderEventCodec.header(bytes, defaultTime: now))
    case "addItem": return .addItem(try OrderEventCodec.line(bytes))
    case "complete":
      // Nothing is to be said: the body may be left out.
      if !bytes.isEmpty { try OrderEventCodec.empty(bytes) }
      return .complete
    case "cancel":
      return .cancel(
        reason: try OrderEventCodec.reason(bytes, defaultReason: OrderEvent.unspecified))
    default:
      throw InvalidMember("commands", "holds '\(name)', none of create, addItem, complete, cancel")
    }
  }

  /// Writes what ``commands(_:now:)`` reads, for the events of an order.
  package static func writeCommands(
    for events: [OrderEvent], expecting version: Version = 0
  ) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("expectedVersion")
    json.integer(version)
    json.key("commands")
    json.beginArray()
    for event in events {
      json.beginObject()
      switch event {
      case .created(let header):
        json.key("create")
        json.beginObject()
        OrderEventCodec.write(header, &json)
        json.endObject()
      case .itemAdded(let line):
        json.key("addItem")
        json.beginObject()
        OrderEventCodec.write(line, &json)
        json.endObject()
      case .completed:
        json.key("complete")
        json.beginObject()
        json.endObject()
      case .cancelled(let reason):
        json.key("cancel")
        json.beginObject()
        OrderEventCodec.write(reason: reason, &json)
        json.endObject()
      }
      json.endObject()
    }
    json.endArray()
    json.endObject()
    return json.bytes
  }
}
