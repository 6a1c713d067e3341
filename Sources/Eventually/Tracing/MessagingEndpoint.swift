package import Tracing

/// What events are sent to or come from, as OpenTelemetry's semantic conventions for messaging name it: for metrics and spans.
public struct MessagingEndpoint: Sendable, Hashable {
  /// `messaging.system`: `kafka` for example.
  public var system: String
  /// `messaging.destination.name`: the topic; `nil` where there is none.
  public var destination: String?
  /// `messaging.consumer.group.name`: that of those who consume in one group; `nil` for all others.
  public var consumerGroup: String?

  /// An endpoint from its parts.
  public init(system: String, destination: String? = nil, consumerGroup: String? = nil) {
    self.system = system
    self.destination = destination
    self.consumerGroup = consumerGroup
  }

  /// The dimensions of metrics.
  /// - Parameter operation: what is done there: `send`, `poll`, `process`.
  package func dimensions(_ operation: String) -> [(String, String)] {
    var dimensions = [
      ("messaging_system", system), ("messaging_operation_name", operation),
    ]
    if let destination { dimensions.append(("messaging_destination_name", destination)) }
    if let consumerGroup { dimensions.append(("messaging_consumer_group_name", consumerGroup)) }
    return dimensions
  }

  /// The name of a span: `send orders`.
  package func spanName(_ operation: String) -> String {
    destination.map { "\(operation) \($0)" } ?? operation
  }

  /// Notes the endpoint among the attributes of a span.
  /// - Parameter type: the kind of operation among those that the conventions know: `send`, `receive`, `process`.
  package func note(
    in attributes: inout SpanAttributes, _ operation: String, type: String
  ) {
    attributes["messaging.system"] = system
    attributes["messaging.operation.name"] = operation
    attributes["messaging.operation.type"] = type
    attributes["messaging.destination.name"] = destination
    attributes["messaging.consumer.group.name"] = consumerGroup
  }
}
