import Instrumentation
public import ServiceContextModule
import Tracing

/// Takes what a tracer says of a span into an event's metadata, and back: so that the spans of all processes that an event goes
/// through join.
public enum TraceContext {
  private static let header = "traceparent"

  /// Whether spans are of use to anybody.
  public static var isActive: Bool {
    // To look for a tracer casts to a protocol, which is not cheap; where nothing was installed there is none.
    if InstrumentationSystem.instrument is NoOpInstrument { return false }
    return !(InstrumentationSystem.tracer is NoOpTracer)
  }

  /// What identifies a span in W3C's Trace Context; `nil` where the tracer has nothing to say of it.
  public static func traceParent(of context: ServiceContext) -> String? {
    guard isActive else { return nil }
    var carrier: [String: String] = [:]
    InstrumentationSystem.instrument.inject(context, into: &carrier, using: Carrier())
    return carrier[header]
  }

  /// The context of what goes on under a span of another process.
  public static func context(_ traceParent: String) -> ServiceContext {
    var context = ServiceContext.topLevel
    InstrumentationSystem.instrument.extract(
      [header: traceParent], into: &context, using: Carrier())
    return context
  }

  /// The metadata that an append is to keep: that of the task, in the trace of the task's span.
  public static var metadata: EventMetadata {
    var metadata = EventMetadata.current
    if let context = ServiceContext.current, let parent = traceParent(of: context) {
      metadata.traceParent = parent
    }
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

/// The names of the spans that the libraries make.
public enum SpanName {
  /// Events are appended to a store.
  public static let append = "append"
  /// An event is with the bus, until that has acknowledged it.
  public static let publish = "publish"
  /// An event has come from the bus, and is on its way to a read model.
  public static let consume = "consume"
  /// A transaction applies an event to a read model.
  public static let apply = "apply"
}
