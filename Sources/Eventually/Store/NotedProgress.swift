/// What ``PublishedProgress`` says beside its sequence number, as stores keep it: in JSON. An event that holds a partition is only
/// named: what it is stands in its own row, and goes with it.
package struct NotedProgress: Sendable {
  /// An event that holds a partition, as it is named.
  package struct Refusal: Sendable {
    package fileprivate(set) var sequence: Int64 = 0
    fileprivate var size = 0
    fileprivate var reason = ""
    fileprivate var since: Int64 = 0

    /// The event, with what its row says.
    package func event(
      at position: EventPosition, id: EventID, streamID: String, type: String
    ) -> RefusedEvent {
      RefusedEvent(
        position: position, id: id, streamID: streamID, type: type, size: size, reason: reason,
        since: Timestamp(microseconds: since))
    }
  }

  package private(set) var partitions: [UInt64] = []
  package private(set) var refused: [Refusal] = []

  package init(_ progress: PublishedProgress) {
    partitions = progress.partitions
    refused = progress.refused.map { event in
      var refusal = Refusal()
      refusal.sequence = Int64(clamping: event.position.sequenceNumber)
      refusal.size = event.size
      refusal.reason = event.reason
      refusal.since = event.since.microseconds
      return refusal
    }
  }

  package init(json bytes: [UInt8]) throws(JSONError) {
    var json = JSONReader(bytes.span)
    try json.beginObject()
    while let key = try json.nextKey() {
      if json.isKey(key, "partitions") {
        try json.beginArray()
        while try json.nextElement() {
          partitions.append(UInt64(clamping: try json.integer()))
        }
      } else if json.isKey(key, "refused") {
        try json.beginArray()
        while try json.nextElement() { refused.append(try Self.refusal(&json)) }
      } else {
        _ = try json.skip()
      }
    }
  }

  /// Whether the sequence number says all.
  package var isEmpty: Bool { partitions.isEmpty && refused.isEmpty }

  package var json: String {
    var json = JSONWriter()
    json.beginObject()
    json.key("partitions")
    json.beginArray()
    for offset in partitions { json.integer(offset) }
    json.endArray()
    json.key("refused")
    json.beginArray()
    for event in refused {
      json.beginObject()
      json.key("sequence")
      json.integer(event.sequence)
      json.key("bytes")
      json.integer(event.size)
      json.key("reason")
      json.string(event.reason)
      json.key("since")
      json.integer(event.since)
      json.endObject()
    }
    json.endArray()
    json.endObject()
    return String(decoding: json.bytes, as: UTF8.self)
  }

  private static func refusal(_ json: inout JSONReader) throws(JSONError) -> Refusal {
    var refusal = Refusal()
    try json.beginObject()
    while let key = try json.nextKey() {
      if json.isKey(key, "sequence") {
        refusal.sequence = try json.integer()
      } else if json.isKey(key, "bytes") {
        refusal.size = Int(clamping: try json.integer())
      } else if json.isKey(key, "reason") {
        refusal.reason = try json.string()
      } else if json.isKey(key, "since") {
        refusal.since = try json.integer()
      } else {
        _ = try json.skip()
      }
    }
    return refusal
  }
}
