import Foundation

/// An event that names its type, for ``JSONEventCodec``: where the names that a plain `Codable` event has are not what should
/// stand in a store for ever.
public protocol NamedEvent: Codable, Sendable {
  /// The name of this event's type, the same for ever.
  var eventType: String { get }

  /// The names of all types that this code reads; `nil`, the default, where they are not listed. With a list,
  /// ``JSONEventCodec`` tells every unknown type from a payload that is damaged.
  static var eventTypes: [String]? { get }
}

extension NamedEvent {
  /// Not listed.
  public static var eventTypes: [String]? { nil }
}

extension NamedEvent where Self: CaseIterable {
  /// The types of all cases.
  public static var eventTypes: [String]? { allCases.map(\.eventType) }
}

/// Encodes any `Codable` event as JSON with Foundation's coders.
///
/// The type's name goes beside the payload as well as into whatever `Codable` writes. An event is read only where both
/// agree: a newer form of an event, which `Codable` may take for the old one, is an unknown type.
///
/// A ``NamedEvent`` names its type. Of any other event the name is the case's, as `Codable` writes it, where it is an
/// enumeration; the raw value where that is an enumeration of texts; and the Swift type's name for anything else.
///
/// The elements of a `Set`, and of a `Dictionary` whose keys are neither `String` nor `Int`, are written in another order by each process:
/// an event that has one is `Equatable`, so that ``ReadBack`` compares by `==` and not by bytes, or has a sorted array in its place. What is
/// stored is published and compared as it was stored, and never encoded again.
public struct JSONEventCodec<Event: Codable & Sendable>: EventCodec {
  /// `application/json`.
  public let contentType = "application/json"
  private let types: [String]?

  /// A codec with Foundation's default strategies.
  public init() {
    types = (Event.self as? any NamedEvent.Type)?.eventTypes
  }

  /// The event's own name for its type, or the one that it is encoded with.
  public func type(of event: Event) -> String {
    (event as? any NamedEvent)?.eventType ?? EventTypeRecorder.name(of: event)
  }

  /// Appends the event as JSON with sorted keys: equal events are equal bytes, as far as nothing in them is without an order.
  public func encode(_ event: Event, into bytes: inout [UInt8]) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    bytes.append(contentsOf: try encoder.encode(event))
  }

  /// Decodes JSON.
  /// - Throws: ``UnknownEventType`` where ``NamedEvent/eventTypes`` does not list the type. Without a list, where the
  ///   payload decodes to an event of another type, or is one case of an enumeration that has no such case. Else
  ///   ``OtherEventType`` where a payload of a listed type decodes to an event of another one, and `DecodingError`.
  public func decode(type: String, payload: Span<UInt8>) throws -> Event {
    if let types, !types.contains(where: { $0.hasSameBytes(as: type) }) {
      throw UnknownEventType(type: type)
    }
    let data = payload.withUnsafeBufferPointer { Data($0) }
    let event: Event
    do {
      event = try JSONDecoder().decode(Event.self, from: data)
    } catch {
      if types == nil, isUnknownCase(error, data, type) { throw UnknownEventType(type: type) }
      throw error
    }
    let found = self.type(of: event)
    if !found.hasSameBytes(as: type) {
      if types == nil { throw UnknownEventType(type: type) }
      throw OtherEventType(type: type, found: found)
    }
    return event
  }

  /// Whether decoding failed because an enumeration has no such case: `Codable` writes a case as an object with one
  /// member that has the case's name, and finds none of its own in this one; or as a text, which is the type's name.
  private func isUnknownCase(_ error: any Error, _ data: Data, _ type: String) -> Bool {
    if let text = try? JSONDecoder().decode(String.self, from: data) {
      return text.hasSameBytes(as: type)
    }
    guard case DecodingError.typeMismatch(let mismatched, let context) = error,
      mismatched == Event.self, context.codingPath.isEmpty,
      let object = try? JSONDecoder().decode([String: Anything].self, from: data)
    else { return false }
    return object.count == 1
  }

  /// A value that is not looked at.
  private struct Anything: Decodable {
    init(from decoder: any Decoder) {}
  }
}

/// A payload that decodes to an event of another type than it was stored with.
public struct OtherEventType: Error, Sendable, CustomStringConvertible {
  /// The type that the event was stored with.
  public var type: String
  /// The type that its payload decodes to.
  public var found: String

  /// A payload of type `type` that decodes to an event of type `found`.
  public init(type: String, found: String) {
    self.type = type
    self.found = found
  }

  /// Names both types.
  public var description: String {
    "the payload of type '\(type)' decodes to an event of type '\(found)': the codec does not read what it wrote, or "
      + "the payload was changed"
  }
}
