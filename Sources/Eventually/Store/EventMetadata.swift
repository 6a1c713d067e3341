/// What led to an event, and what else is to be known of it beside what happened.
///
/// Whoever appends events does not name it: it comes from ``current``, which is bound to a task. What a store finds there, it
/// keeps with each event, and buses carry it.
///
/// ```swift
/// try await EventMetadata.$current.withValue(EventMetadata(correlationID: request.id)) {
///   try await repository.execute([.deposit(5)], on: "account-1")
/// }
/// ```
public struct EventMetadata: Sendable, Hashable {
  private struct Content: Hashable {
    var correlationID: String?
    var causationID: String?
    var traceParent: String?
    var additional: [String: String] = [:]
  }

  /// Most events have none: one word then, and no allocation.
  private final class Box: Sendable {
    let content: Content

    init(_ content: Content) {
      self.content = content
    }
  }

  private var box: Box?

  /// What is bound to the task, and goes with the events that it appends.
  @TaskLocal public static var current = EventMetadata()

  /// All of one request, say, have the same.
  public var correlationID: String? {
    get { box?.content.correlationID }
    set { change { $0.correlationID = newValue } }
  }
  /// The id of the event, or of the message, that this follows from.
  public var causationID: String? {
    get { box?.content.causationID }
    set { change { $0.causationID = newValue } }
  }
  /// The trace that the event belongs to, as W3C's Trace Context has it: `00-<trace id>-<span id>-01`.
  public var traceParent: String? {
    get { box?.content.traceParent }
    set { change { $0.traceParent = newValue } }
  }
  /// Anything else, by name.
  public var additional: [String: String] {
    get { box?.content.additional ?? [:] }
    set { change { $0.additional = newValue } }
  }

  /// Metadata, of which any part may be missing.
  public init(
    correlationID: String? = nil, causationID: String? = nil, traceParent: String? = nil,
    additional: [String: String] = [:]
  ) {
    let content = Content(
      correlationID: correlationID, causationID: causationID, traceParent: traceParent,
      additional: additional)
    if content != Content() { box = Box(content) }
  }

  /// Whether there is nothing in it.
  public var isEmpty: Bool { box == nil }

  private mutating func change(_ body: (inout Content) -> Void) {
    var content = box?.content ?? Content()
    body(&content)
    box = content == Content() ? nil : Box(content)
  }

  /// The same content is equal, wherever it is kept.
  public static func == (a: EventMetadata, b: EventMetadata) -> Bool {
    a.box === b.box || a.box?.content == b.box?.content
  }

  /// Hashes the content.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(box?.content)
  }

  /// What goes with everything that follows from an event: the same correlation and trace, and the event as the cause.
  public static func following<StreamID, Event>(
    _ event: Persisted<StreamID, Event>
  ) -> EventMetadata {
    let state = TraceContext.state
    return EventMetadata(
      correlationID: event.metadata.correlationID ?? event.id.description,
      causationID: event.id.description, traceParent: event.metadata.traceParent,
      additional: event.metadata.additional[state].map { [state: $0] } ?? [:])
  }
}

extension EventMetadata: CustomStringConvertible {
  /// The parts that there are, as JSON.
  public var description: String { String(decoding: json, as: UTF8.self) }
}

/// Metadata in the form in which stores keep it.
extension EventMetadata {
  /// In encoded form it has at most this many bytes.
  public static let maximumSize = 8192

  /// Appends an object with the parts that there are.
  public func write(_ json: inout JSONWriter) {
    json.beginObject()
    for (name, value) in [
      ("correlationId", correlationID), ("causationId", causationID), ("traceparent", traceParent),
    ] as [(StaticString, String?)] {
      guard let value else { continue }
      json.key(name)
      json.string(value)
    }
    if !additional.isEmpty {
      json.key("additional")
      Self.write(additional, &json)
    }
    json.endObject()
  }

  /// Appends an object of texts, in the order of their names.
  public static func write(_ texts: [String: String], _ json: inout JSONWriter) {
    json.beginObject()
    for (name, value) in texts.sorted(by: { $0.key < $1.key }) {
      json.key(named: name)
      json.string(value)
    }
    json.endObject()
  }

  /// The bytes that ``init(json:)`` reads.
  public var json: [UInt8] {
    var writer = JSONWriter()
    write(&writer)
    return writer.bytes
  }

  /// Reads what ``write(_:)`` writes.
  public init(json bytes: Span<UInt8>) throws {
    self.init()
    var reader = JSONReader(bytes)
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if reader.isKey(key, "correlationId") {
        correlationID = try reader.string()
      } else if reader.isKey(key, "causationId") {
        causationID = try reader.string()
      } else if reader.isKey(key, "traceparent") {
        traceParent = try reader.string()
      } else if reader.isKey(key, "additional") {
        additional = try Self.texts(reader.slice(try reader.skip()).span)
      } else {
        try reader.skip()
      }
    }
    try reader.finish()
  }

  /// Reads an object of texts.
  public static func texts(_ bytes: Span<UInt8>) throws -> [String: String] {
    var texts: [String: String] = [:]
    var reader = JSONReader(bytes)
    try reader.beginObject()
    while let key = try reader.nextKey() { texts[reader.name(key)] = try reader.string() }
    try reader.finish()
    return texts
  }
}

extension EventMetadata {
  /// Metadata as it is stored. What can't be read is kept as it is: it says nothing of what happened.
  package init(stored bytes: [UInt8]) {
    do {
      try self.init(json: bytes.span)
    } catch {
      self.init(additional: ["unreadable": String(decoding: bytes, as: UTF8.self)])
    }
  }
}
