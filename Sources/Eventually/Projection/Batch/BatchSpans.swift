import ServiceContextModule
import Tracing

/// The spans of a transaction: one for each of its events that belongs to a trace, in that trace, so that the whole way of a command is one
/// tree; and where any of these is recorded, one for the batch, which is linked to the events' traces and they to it.
struct BatchSpans {
  private var spans: [(partition: Partition, span: any Span)] = []
  private var batch: (any Span)?

  /// Of the batch; `nil` where it has no span.
  var context: ServiceContext? { batch?.context }

  init<Event>(_ deliveries: [Delivery<Event>], _ name: String, _ endpoint: MessagingEndpoint) {
    for delivery in deliveries {
      for case .event(let persisted) in delivery.entries {
        guard TraceContext.isRecorded(persisted.metadata) else { continue }
        begin(persisted, of: deliveries, name, endpoint)
      }
    }
  }

  private mutating func begin<Event>(
    _ persisted: Persisted<String, Event>, of deliveries: [Delivery<Event>], _ name: String,
    _ endpoint: MessagingEndpoint
  ) {
    let cause = TraceContext.context(of: persisted.metadata)
    let span = startSpan(SpanName.apply, context: cause, ofKind: .consumer)
    let partition = persisted.position.partition
    spans.append((partition, span))
    guard span.isRecording else { return }
    let batch = self.batch ?? Self.batch(deliveries, name, endpoint)
    self.batch = batch
    // A tracer keeps as many of them as it has a limit for.
    var attributes: SpanAttributes = ["messaging.message.id": "\(persisted.id)"]
    attributes["messaging.destination.partition.id"] = "\(partition)"
    batch.addLink(SpanLink(context: cause, attributes: attributes))
    span.addLink(SpanLink(context: batch.context, attributes: [:]))
    span.updateAttributes { attributes in
      attributes["eventually.read_model"] = name
      attributes["eventually.stream_id"] = persisted.streamID
      attributes["eventually.sequence_number"] = Int64(persisted.sequenceNumber)
    }
  }

  private static func batch<Event>(
    _ deliveries: [Delivery<Event>], _ name: String, _ endpoint: MessagingEndpoint
  ) -> any Span {
    let span = startSpan(
      endpoint.spanName(SpanName.process), context: TraceContext.recorded, ofKind: .consumer)
    span.updateAttributes { attributes in
      endpoint.note(in: &attributes, SpanName.process, type: "process")
      attributes["messaging.batch.message_count"] = Int64(
        deliveries.reduce(0) { $0 + $1.entries.count })
      if deliveries.count == 1 {
        attributes["messaging.destination.partition.id"] = "\(deliveries[0].partition)"
      }
      attributes["eventually.read_model"] = name
    }
    return span
  }

  /// Ends the spans, with an error where nothing of their delivery was applied.
  func end(_ outcome: ApplyOutcome) {
    let fenced = Set(outcome.fenced.map(\.partition))
    for (partition, span) in spans {
      if fenced.contains(partition) { Self.fail(span) }
      span.end()
    }
    guard let batch else { return }
    if !fenced.isEmpty { Self.fail(batch) }
    batch.end()
  }

  /// Ends the spans of a batch that was given up.
  func fail(_ error: any Error) {
    for span in spans.map(\.span) + [batch].compactMap({ $0 }) {
      Self.fail(span, "\(type(of: error))", "\(error)")
      span.end()
    }
  }

  private static func fail(
    _ span: any Span, _ type: String = "fenced", _ message: String = "the lease was fenced"
  ) {
    span.attributes["error.type"] = type
    span.setStatus(SpanStatus(code: .error, message: message))
  }
}
