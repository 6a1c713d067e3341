import Eventually
import Tracing

extension SpanAttributes {
  /// Notes what OpenTelemetry's semantic conventions for messaging ask of a record's span.
  mutating func message(on topic: String, _ partition: Partition, operation: String) {
    self["messaging.system"] = "kafka"
    self["messaging.destination.name"] = topic
    self["messaging.destination.partition.id"] = "\(partition)"
    self["messaging.operation.name"] = operation
    self["messaging.operation.type"] = operation
  }
}
