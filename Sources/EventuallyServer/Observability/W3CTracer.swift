import Eventually
import Foundation
import ServiceContextModule
import Tracing

/// A tracer that names spans as W3C's Trace Context does, and hands them on when they end.
struct W3CTracer: Tracer {
  private let onEnd: @Sendable (FinishedSpan) -> Void

  /// A tracer whose spans are handed to `onEnd` when they end.
  init(onEnd: @escaping @Sendable (FinishedSpan) -> Void) {
    self.onEnd = onEnd
  }

  func startSpan<Instant: TracerInstant>(
    _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
    at instant: @autoclosure () -> Instant, function: String, file: String, line: UInt
  ) -> W3CSpan {
    var context = context()
    let parent = context[W3CIdentity.Key.self]
    let identity = W3CIdentity(in: parent)
    context[W3CIdentity.Key.self] = identity
    let begun = FinishedSpan(
      name: operationName, kind: "\(kind)", traceID: identity.traceID, spanID: identity.spanID,
      parentID: parent?.spanID, start: instant().nanosecondsSinceEpoch)
    return W3CSpan(context: context, begun: begun, onEnd: onEnd)
  }

  func forceFlush() {}

  func inject<Carrier, Inject: Injector>(
    _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
  ) where Inject.Carrier == Carrier {
    guard let identity = context[W3CIdentity.Key.self] else { return }
    injector.inject(identity.description, forKey: W3CIdentity.header, into: &carrier)
  }

  func extract<Carrier, Extract: Extractor>(
    _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
  ) where Extract.Carrier == Carrier {
    guard let text = extractor.extract(key: W3CIdentity.header, from: carrier),
      let identity = W3CIdentity(text)
    else { return }
    context[W3CIdentity.Key.self] = identity
  }
}

/// What identifies a span: `00-<32 digits of the trace>-<16 digits of the span>-01`.
struct W3CIdentity: Sendable, Hashable, CustomStringConvertible {
  enum Key: ServiceContextKey {
    typealias Value = W3CIdentity
  }

  static let header = "traceparent"

  var traceID: String
  var spanID: String

  /// A new span, in a parent's trace or in one of its own.
  init(in parent: W3CIdentity?) {
    traceID = parent?.traceID ?? Self.random(words: 2)
    spanID = Self.random(words: 1)
  }

  init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 4, parts[0].count == 2, parts[1].count == 32, parts[2].count == 16,
      parts[1...2].allSatisfy({ $0.allSatisfy { $0.isHexDigit && !$0.isUppercase } }),
      parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" })
    else { return nil }
    traceID = String(parts[1])
    spanID = String(parts[2])
  }

  private static func random(words: Int) -> String {
    (0..<words).map { _ in
      let digits = String(UInt64.random(in: 1 ... .max), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  var description: String { "00-\(traceID)-\(spanID)-01" }
}

/// A span that has ended.
struct FinishedSpan: Sendable {
  var name: String
  var kind: String
  var traceID: String
  var spanID: String
  var parentID: String?
  /// In nanoseconds since 1970.
  var start: UInt64
  var end: UInt64 = 0
  var attributes: [String: String] = [:]
  var error: String?

  init(
    name: String, kind: String, traceID: String, spanID: String, parentID: String?, start: UInt64
  ) {
    self.name = name
    self.kind = kind
    self.traceID = traceID
    self.spanID = spanID
    self.parentID = parentID
    self.start = start
  }

  func write(_ json: inout JSONWriter) {
    json.beginObject()
    json.member("name", name)
    json.member("kind", kind)
    json.member("traceId", traceID)
    json.member("spanId", spanID)
    if let parentID { json.member("parentSpanId", parentID) }
    json.key("start")
    json.string(Timestamp(microseconds: Int64(start / 1000)).description)
    json.key("microseconds")
    json.integer((max(end, start) - start) / 1000)
    if let error { json.member("error", error) }
    if !attributes.isEmpty {
      json.key("attributes")
      EventMetadata.write(attributes, &json)
    }
    json.endObject()
  }
}

/// A span of a ``W3CTracer``.
final class W3CSpan: Span {
  private struct State {
    var span: FinishedSpan
    var attributes = SpanAttributes()
    var isRecording = true
  }

  let context: ServiceContext
  private let state: Locked<State>
  private let onEnd: @Sendable (FinishedSpan) -> Void

  init(
    context: ServiceContext, begun: FinishedSpan, onEnd: @escaping @Sendable (FinishedSpan) -> Void
  ) {
    self.context = context
    state = Locked(State(span: begun))
    self.onEnd = onEnd
  }

  var operationName: String {
    get { state.withLock { $0.span.name } }
    set { state.withLock { $0.span.name = newValue } }
  }

  var attributes: SpanAttributes {
    get { state.withLock { $0.attributes } }
    set { state.withLock { $0.attributes = newValue } }
  }

  var isRecording: Bool { state.withLock { $0.isRecording } }

  func setStatus(_ status: SpanStatus) {
    guard status.code == .error else { return }
    state.withLock { $0.span.error = $0.span.error ?? status.message ?? "error" }
  }

  func addEvent(_ event: SpanEvent) {}

  func addLink(_ link: SpanLink) {}

  func recordError<Instant: TracerInstant>(
    _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
  ) {
    state.withLock { $0.span.error = "\(error)" }
  }

  func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
    let end = instant().nanosecondsSinceEpoch
    let finished = state.withLock { state -> FinishedSpan? in
      guard state.isRecording else { return nil }
      state.isRecording = false
      state.span.end = end
      state.attributes.forEach { name, value in
        state.span.attributes[name] = "\(value.toSpanAttribute().text)"
      }
      return state.span
    }
    if let finished { onEnd(finished) }
  }
}

extension SpanAttribute {
  /// The value as text.
  fileprivate var text: String {
    switch self {
    case .int32(let value): "\(value)"
    case .int64(let value): "\(value)"
    case .double(let value): "\(value)"
    case .bool(let value): "\(value)"
    case .string(let value): value
    default: "\(self)"
    }
  }
}
