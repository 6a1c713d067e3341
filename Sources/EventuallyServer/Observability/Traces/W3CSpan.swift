import Eventually
import Tracing

/// A span of a ``W3CTracer``. One whose trace is not recorded keeps nothing.
final class W3CSpan: Span {
  private struct State {
    var span: FinishedSpan
    var isRecording: Bool
  }

  /// More events are not kept of one span, nor more links.
  private static let eventLimit = 128

  let context: ServiceContext
  private let state: Locked<State>
  private let onEnd: @Sendable (FinishedSpan) -> Void

  init(
    context: ServiceContext, begun: FinishedSpan, onEnd: @escaping @Sendable (FinishedSpan) -> Void
  ) {
    self.context = context
    state = Locked(State(span: begun, isRecording: begun.identity.isSampled))
    self.onEnd = onEnd
  }

  var operationName: String {
    get { state.withLock { $0.span.name } }
    set { state.withLock { $0.span.name = newValue } }
  }

  var attributes: SpanAttributes {
    get { state.withLock { $0.span.attributes } }
    set { record { $0.attributes = newValue } }
  }

  var isRecording: Bool { state.withLock { $0.isRecording } }

  func setStatus(_ status: SpanStatus) {
    guard status.code == .error else { return }
    record { $0.error = $0.error ?? status.message ?? "error" }
  }

  func addEvent(_ event: SpanEvent) {
    record { span in
      guard span.events.count < Self.eventLimit else { return }
      span.events.append(
        FinishedSpan.Event(
          name: event.name, time: event.nanosecondsSinceEpoch, attributes: event.attributes))
    }
  }

  func addLink(_ link: SpanLink) {
    guard let identity = link.context[W3CIdentity.Key.self] else { return }
    record { span in
      guard span.links.count < Self.eventLimit else {
        span.droppedLinks += 1
        return
      }
      span.links.append(FinishedSpan.Link(span: identity, attributes: link.attributes))
    }
  }

  func recordError<Instant: TracerInstant>(
    _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
  ) {
    guard isRecording else { return }
    var attributes = attributes
    attributes["exception.type"] = "\(type(of: error))"
    attributes["exception.message"] = "\(error)"
    addEvent(SpanEvent(name: "exception", at: instant(), attributes: attributes))
    record { $0.error = "\(error)" }
  }

  func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
    let end = instant().nanosecondsSinceEpoch
    let finished = state.withLock { state -> FinishedSpan? in
      guard state.isRecording else { return nil }
      state.isRecording = false
      state.span.end = end
      return state.span
    }
    if let finished { onEnd(finished) }
  }

  private func record(_ change: (inout FinishedSpan) -> Void) {
    state.withLock { if $0.isRecording { change(&$0.span) } }
  }
}
