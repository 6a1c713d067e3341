import Instrumentation
public import ServiceContextModule
import Tracing

/// Takes what a tracer says of a span into an event's metadata, and back: so that the spans of all processes that an event goes
/// through join.
public enum TraceContext {
  private static let header = "traceparent"
  /// What tracers add to that, in the header and in what an event's metadata has in addition.
  package static let state = "tracestate"
  /// More of it is not passed on: W3C wants as much to be.
  package static let longestState = 512

  /// Whether spans are of use to anybody.
  public static var isActive: Bool {
    // To look for a tracer casts to a protocol, which is not cheap; where nothing was installed there is none.
    if InstrumentationSystem.instrument is NoOpInstrument { return false }
    return !(InstrumentationSystem.tracer is NoOpTracer)
  }

  /// Adds what identifies a span in W3C's Trace Context, with the tracer's own state (`tracestate`), where the tracer has something to say of
  /// it.
  public static func add(_ context: ServiceContext, to metadata: inout EventMetadata) {
    guard isActive else { return }
    var carrier: [String: String] = [:]
    InstrumentationSystem.instrument.inject(context, into: &carrier, using: Carrier())
    guard let parent = carrier[header] else { return }
    metadata.traceParent = parent
    if let text = carrier[state], text.utf8.count <= longestState {
      metadata.additional[state] = text
    }
  }

  /// The context of what goes on under the span that led to an event.
  public static func context(of metadata: EventMetadata) -> ServiceContext {
    var context = ServiceContext.topLevel
    guard let parent = metadata.traceParent else { return context }
    var carrier = [header: parent]
    if let text = metadata.additional[state] { carrier[state] = text }
    InstrumentationSystem.instrument.extract(carrier, into: &context, using: Carrier())
    return context
  }

  /// Whether an event belongs to a trace that is recorded, as its `traceparent` says. Spans of all others would come to nothing, and
  /// there are as many of them as there are events.
  package static func isRecorded(_ metadata: EventMetadata) -> Bool {
    // `00-<32 digits>-<16 digits>-<2 digits>`, of which the last one's lowest bit says so.
    guard let flag = metadata.traceParent?.utf8.dropFirst(54).first else { return false }
    return flag & 1 == (flag < UInt8(ascii: "a") ? 1 : 0)
  }

  /// A trace of its own that is recorded, however few are, because it is linked to others that are.
  package static let recorded: ServiceContext = {
    var context = ServiceContext.topLevel
    context[IsRecorded.self] = true
    return context
  }()

  /// Whether a trace that begins under a context is recorded in any case.
  package static func isRecorded(_ context: ServiceContext) -> Bool {
    context[IsRecorded.self] ?? false
  }

  private enum IsRecorded: ServiceContextKey {
    typealias Value = Bool
  }

  /// Does something within the trace and with the metadata of an event, so that logs tell what led to it.
  package static func within<Result>(
    _ metadata: EventMetadata, _ body: () throws -> Result
  ) rethrows -> Result {
    try EventMetadata.$current.withValue(metadata) {
      try ServiceContext.withValue(context(of: metadata), operation: body)
    }
  }

  /// The metadata that an append is to keep: that of the task, in the trace of the task's span.
  public static var metadata: EventMetadata {
    var metadata = EventMetadata.current
    if let context = ServiceContext.current { add(context, to: &metadata) }
    return metadata
  }

  private struct Carrier: Injector, Extractor {
    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) {
      carrier[key.lowercased()] = value
    }

    func extract(key: String, from carrier: [String: String]) -> String? {
      carrier[key.lowercased()]
    }
  }
}

/// What the libraries' spans are of. Those that have to do with the bus are named after what is done and the topic, as OpenTelemetry's
/// semantic conventions for messaging have it: `send orders`.
public enum SpanName {
  /// Events are appended to a store.
  public static let append = "append"
  /// An event is with the bus, until that has acknowledged it.
  public static let send = "send"
  /// An event has come from the bus, and is on its way to a read model.
  public static let poll = "poll"
  /// A transaction applies a batch of events to a read model: linked to all of them that belong to recorded traces.
  public static let process = "process"
  /// The same transaction, in the trace of one of its events.
  public static let apply = "apply"
}
