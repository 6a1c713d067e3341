import Foundation

/// An event that names its type, for ``JSONEventCodec``.
public protocol NamedEvent: Codable, Sendable {
  /// The name of this event's type, the same for ever.
  var eventType: String { get }
}

/// Encodes any `Codable` event as JSON with Foundation's coders.
///
/// The type's name goes beside the payload as well as into whatever `Codable` writes, so that a reader
/// can tell events apart without decoding them.
public struct JSONEventCodec<Event: NamedEvent>: EventCodec {
  /// `application/json`.
  public let contentType = "application/json"

  /// A codec with Foundation's default strategies.
  public init() {}

  /// The event's own name for its type.
  public func type(of event: Event) -> String { event.eventType }

  /// Appends the event as JSON with sorted keys, so that equal events are equal bytes.
  public func encode(_ event: Event, into bytes: inout [UInt8]) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    bytes.append(contentsOf: try encoder.encode(event))
  }

  /// Decodes JSON.
  public func decode(type: String, payload: Span<UInt8>) throws -> Event {
    let data = payload.withUnsafeBufferPointer { Data($0) }
    return try JSONDecoder().decode(Event.self, from: data)
  }
}
