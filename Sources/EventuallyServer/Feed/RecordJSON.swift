package import Eventually
import Foundation

/// Events' records as JSON, as the event feed has them.
package enum RecordJSON {
  /// What a record looks like.
  static let schema = Schema.named(
    "EventRecord",
    .object([
      .required("id", .string(format: "uuid")),
      .required("type", .string(minimum: 1).example("deposited")),
      .required("stream", .string(minimum: 1).example("account/1")),
      .required("version", .integer(0...(1 << 62)).example(3)),
      .required("partition", .integer(0...10_000).example(0)),
      .required("position", .integer(1...(1 << 62)).example(9)),
      .required("sequenceNumber", .integer(1...(1 << 62)).example(42)),
      .required("time", .string(format: "date-time")),
      .optional("data", .any), .optional("dataBase64", .string()),
      .optional("metadata", .map(.string())),
    ]))
  /// One of them.
  static func example(of stream: String) -> API.Example {
    [
      "id": "019ab0c4-6d2e-7c41-9c1f-3f5d8a2b7e60", "type": "deposited",
      "stream": .init(stringLiteral: stream), "version": 3, "partition": 0, "position": 9,
      "sequenceNumber": 42, "time": "2026-11-23T12:00:00Z", "data": ["cents": 500],
      "metadata": ["correlationId": "basket-17"],
    ]
  }

  /// An event's record.
  /// - Parameter members: writes further members.
  package static func write(
    _ record: EventRecord, _ json: inout JSONWriter,
    _ members: (inout JSONWriter) -> Void = { _ in }
  ) {
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
    members(&json)
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
  package static func record(_ bytes: Span<UInt8>) throws -> EventRecord {
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
}
