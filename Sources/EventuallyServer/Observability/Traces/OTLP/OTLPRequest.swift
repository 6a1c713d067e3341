import Eventually
import Tracing

/// Writes spans as OTLP's `ExportTraceServiceRequest`, in its JSON form: ids are hexadecimal there, and 64-bit numbers texts.
struct OTLPRequest: Sendable {
  /// What the spans are of: `service.name` and the like.
  let resource: [(name: String, value: String)]
  /// The library's version, as the spans' scope.
  let version: String

  /// The body of a request.
  func body(_ spans: [FinishedSpan]) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("resourceSpans")
    json.beginArray()
    json.beginObject()
    json.key("resource")
    json.beginObject()
    json.key("attributes")
    json.beginArray()
    for (name, value) in resource { Self.write(name, .string(value), &json) }
    json.endArray()
    json.endObject()
    json.key("scopeSpans")
    json.beginArray()
    json.beginObject()
    json.key("scope")
    json.beginObject()
    json.member("name", "eventually")
    json.member("version", version)
    json.endObject()
    json.key("spans")
    json.beginArray()
    for span in spans { Self.write(span, &json) }
    json.endArray()
    json.endObject()
    json.endArray()
    json.endObject()
    json.endArray()
    json.endObject()
    return json.bytes
  }

  private static func write(_ span: FinishedSpan, _ json: inout JSONWriter) {
    json.beginObject()
    json.member("traceId", span.identity.traceID)
    json.member("spanId", span.identity.spanID)
    if let state = span.identity.state { json.member("traceState", state) }
    if let parent = span.parentID { json.member("parentSpanId", parent) }
    json.key("flags")
    json.integer(UInt64(span.identity.isSampled ? 1 : 0))
    json.member("name", span.name)
    json.key("kind")
    json.integer(number(of: span.kind))
    json.member("startTimeUnixNano", "\(span.start)")
    json.member("endTimeUnixNano", "\(max(span.end, span.start))")
    write(span.attributes, &json)
    if !span.events.isEmpty {
      json.key("events")
      json.beginArray()
      for event in span.events {
        json.beginObject()
        json.member("timeUnixNano", "\(event.time)")
        json.member("name", event.name)
        write(event.attributes, &json)
        json.endObject()
      }
      json.endArray()
    }
    if !span.links.isEmpty {
      json.key("links")
      json.beginArray()
      for link in span.links {
        json.beginObject()
        json.member("traceId", link.span.traceID)
        json.member("spanId", link.span.spanID)
        if let state = link.span.state { json.member("traceState", state) }
        write(link.attributes, &json)
        json.key("flags")
        json.integer(UInt64(link.span.isSampled ? 1 : 0))
        json.endObject()
      }
      json.endArray()
      if span.droppedLinks > 0 {
        json.key("droppedLinksCount")
        json.integer(UInt64(span.droppedLinks))
      }
    }
    if let error = span.error {
      json.key("status")
      json.beginObject()
      json.member("message", error)
      json.key("code")
      json.integer(UInt64(2))
      json.endObject()
    }
    json.endObject()
  }

  private static func number(of kind: SpanKind) -> UInt64 {
    switch kind {
    case .internal: 1
    case .server: 2
    case .client: 3
    case .producer: 4
    case .consumer: 5
    }
  }

  private static func write(_ attributes: SpanAttributes, _ json: inout JSONWriter) {
    guard !attributes.isEmpty else { return }
    json.key("attributes")
    json.beginArray()
    attributes.forEach { name, value in write(name, value.toSpanAttribute(), &json) }
    json.endArray()
  }

  private static func write(_ name: String, _ value: SpanAttribute, _ json: inout JSONWriter) {
    json.beginObject()
    json.member("key", name)
    json.key("value")
    write(value, &json)
    json.endObject()
  }

  private static func write(_ value: SpanAttribute, _ json: inout JSONWriter) {
    switch value {
    case .int32Array(let values): write(values.map(SpanAttribute.int32), &json)
    case .int64Array(let values): write(values.map(SpanAttribute.int64), &json)
    case .doubleArray(let values): write(values.map(SpanAttribute.double), &json)
    case .boolArray(let values): write(values.map(SpanAttribute.bool), &json)
    case .stringArray(let values): write(values.map(SpanAttribute.string), &json)
    case .stringConvertibleArray(let values):
      write(values.map(SpanAttribute.stringConvertible), &json)
    default:
      json.beginObject()
      switch value {
      case .int32(let number): json.member("intValue", "\(number)")
      case .int64(let number): json.member("intValue", "\(number)")
      case .double(let number) where number.isFinite:
        json.key("doubleValue")
        json.raw("\(number)".utf8)
      case .bool(let value):
        json.key("boolValue")
        json.raw((value ? "true" : "false").utf8)
      default: json.member("stringValue", value.text)
      }
      json.endObject()
    }
  }

  private static func write(_ values: [SpanAttribute], _ json: inout JSONWriter) {
    json.beginObject()
    json.key("arrayValue")
    json.beginObject()
    json.key("values")
    json.beginArray()
    for value in values { write(value, &json) }
    json.endArray()
    json.endObject()
    json.endObject()
  }
}
