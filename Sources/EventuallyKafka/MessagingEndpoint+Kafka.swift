import Eventually
import Tracing

extension MessagingEndpoint {
  /// A topic, and the group that consumes it where one does.
  static func kafka(_ topic: String, group: String? = nil) -> MessagingEndpoint {
    MessagingEndpoint(system: "kafka", destination: topic, consumerGroup: group)
  }

  /// Begins the span of one event's record, in the trace of what led to the event.
  func startSpan(
    _ operation: String, type: String, _ position: EventPosition, of streamID: String,
    _ id: EventID, _ metadata: EventMetadata
  ) -> any Span {
    let span = Tracing.startSpan(
      spanName(operation), context: TraceContext.context(of: metadata), ofKind: .client)
    guard span.isRecording else { return span }
    span.updateAttributes { attributes in
      note(in: &attributes, operation, type: type)
      attributes["messaging.destination.partition.id"] = "\(position.partition)"
      attributes["messaging.message.id"] = "\(id)"
      attributes["messaging.kafka.message.key"] = streamID
      attributes["eventually.stream_id"] = streamID
      attributes["eventually.sequence_number"] = Int64(position.sequenceNumber)
    }
    return span
  }
}
