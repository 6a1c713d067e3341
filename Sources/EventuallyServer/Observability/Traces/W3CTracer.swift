import Eventually
import Tracing

/// A tracer that names spans as W3C's Trace Context does, and hands them on when they end.
struct W3CTracer: Tracer {
  private let sampling: SpanSampling
  private let onEnd: @Sendable (FinishedSpan) -> Void

  /// A tracer whose spans are handed to `onEnd` when they end, but for those of traces that are not recorded.
  init(sampling: SpanSampling = .all, onEnd: @escaping @Sendable (FinishedSpan) -> Void) {
    self.sampling = sampling
    self.onEnd = onEnd
  }

  func startSpan<Instant: TracerInstant>(
    _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
    at instant: @autoclosure () -> Instant, function: String, file: String, line: UInt
  ) -> W3CSpan {
    var context = context()
    let parent = context[W3CIdentity.Key.self]
    let identity = W3CIdentity(
      in: parent, sampling: TraceContext.isRecorded(context) ? .all : sampling)
    context[W3CIdentity.Key.self] = identity
    let begun = FinishedSpan(
      name: operationName, kind: kind, identity: identity, parentID: parent?.spanID,
      start: instant().nanosecondsSinceEpoch)
    return W3CSpan(context: context, begun: begun, onEnd: onEnd)
  }

  func forceFlush() {}

  func inject<Carrier, Inject: Injector>(
    _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
  ) where Inject.Carrier == Carrier {
    guard let identity = context[W3CIdentity.Key.self] else { return }
    injector.inject(identity.description, forKey: W3CIdentity.header, into: &carrier)
    if let state = identity.state {
      injector.inject(state, forKey: W3CIdentity.stateHeader, into: &carrier)
    }
  }

  func extract<Carrier, Extract: Extractor>(
    _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
  ) where Extract.Carrier == Carrier {
    guard let text = extractor.extract(key: W3CIdentity.header, from: carrier),
      var identity = W3CIdentity(text)
    else { return }
    identity.state = extractor.extract(key: W3CIdentity.stateHeader, from: carrier)
    context[W3CIdentity.Key.self] = identity
  }
}
