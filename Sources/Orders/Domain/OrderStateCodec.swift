public import Eventually

/// An order's state as JSON, for snapshots. Its sums are not kept: they follow from the lines.
public struct OrderStateCodec: SnapshotCodec {
  /// Raised whenever ``Order/State`` changes, or what events make of it.
  public let schemaVersion = 2

  /// The codec.
  public init() {}

  /// Appends the JSON of a state.
  public func encode(_ state: Order.State, into bytes: inout [UInt8]) {
    var writer = JSONWriter(appendingTo: bytes)
    bytes = []
    writer.beginObject()
    writer.key("status")
    writer.string(state.status.rawValue)
    if let header = state.header {
      writer.key("header")
      writer.beginObject()
      OrderEventCodec.write(header, &writer)
      writer.endObject()
    }
    if let reason = state.cancellation {
      writer.key("cancellation")
      writer.string(reason)
    }
    writer.key("lines")
    writer.beginArray()
    for line in state.lines {
      writer.beginObject()
      OrderEventCodec.write(line, &writer)
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    bytes = writer.bytes
  }

  /// Reads the JSON of a state.
  public func decode(_ payload: Span<UInt8>) throws -> Order.State {
    var state = Order.State()
    var reader = JSONReader(payload)
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if reader.isKey(key, "status") {
        guard let status = Order.Status(rawValue: try reader.string()) else {
          throw InvalidMember("status", "is none of open, completed, cancelled")
        }
        state.status = status
      } else if reader.isKey(key, "header") {
        state.header = try OrderEventCodec.header(reader.slice(try reader.skip()).span)
      } else if reader.isKey(key, "cancellation") {
        state.cancellation = try reader.string()
      } else if reader.isKey(key, "lines") {
        try reader.beginArray()
        while try reader.nextElement() {
          try state.add(try OrderEventCodec.line(reader.slice(try reader.skip()).span))
        }
      } else {
        try reader.skip()
      }
    }
    try reader.finish()
    return state
  }
}
