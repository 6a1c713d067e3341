import Eventually
import Tracing

/// A span that has ended.
struct FinishedSpan: Sendable {
  /// Something that happened within a span.
  struct Event: Sendable {
    var name: String
    /// In nanoseconds since 1970.
    var time: UInt64
    var attributes: SpanAttributes
  }

  /// A span of another trace, or elsewhere in the same one, that belongs to it.
  struct Link: Sendable {
    var span: W3CIdentity
    var attributes: SpanAttributes
  }

  var name: String
  var kind: SpanKind
  var identity: W3CIdentity
  var parentID: String?
  /// In nanoseconds since 1970.
  var start: UInt64
  var end: UInt64 = 0
  var attributes: SpanAttributes = [:]
  var events: [Event] = []
  var links: [Link] = []
  /// How many links it had besides.
  var droppedLinks = 0
  var error: String?

  init(
    name: String, kind: SpanKind, identity: W3CIdentity, parentID: String?, start: UInt64
  ) {
    self.name = name
    self.kind = kind
    self.identity = identity
    self.parentID = parentID
    self.start = start
  }

  /// As an object of a trace file.
  func write(_ json: inout JSONWriter) {
    json.beginObject()
    json.member("name", name)
    json.member("kind", "\(kind)")
    json.member("traceId", identity.traceID)
    json.member("spanId", identity.spanID)
    if let parentID { json.member("parentSpanId", parentID) }
    json.key("start")
    json.string(Timestamp(microseconds: Int64(start / 1000)).description)
    json.key("microseconds")
    json.integer((max(end, start) - start) / 1000)
    if let error { json.member("error", error) }
    if !attributes.isEmpty {
      json.key("attributes")
      var texts: [String: String] = [:]
      attributes.forEach { name, value in texts[name] = value.toSpanAttribute().text }
      EventMetadata.write(texts, &json)
    }
    if !links.isEmpty {
      json.key("links")
      json.beginArray()
      for link in links {
        json.beginObject()
        json.member("traceId", link.span.traceID)
        json.member("spanId", link.span.spanID)
        json.endObject()
      }
      json.endArray()
    }
    json.endObject()
  }
}

extension SpanAttribute {
  /// The value as text.
  var text: String {
    switch self {
    case .int32(let value): "\(value)"
    case .int64(let value): "\(value)"
    case .double(let value): "\(value)"
    case .bool(let value): "\(value)"
    case .string(let value): value
    case .int32Array(let values): "\(values)"
    case .int64Array(let values): "\(values)"
    case .doubleArray(let values): "\(values)"
    case .boolArray(let values): "\(values)"
    case .stringArray(let values): "\(values)"
    case .stringConvertible(let value): "\(value)"
    case .stringConvertibleArray(let values): "\(values.map { "\($0)" })"
    default: "\(self)"
    }
  }
}
