/// Turns events into bytes and back, and names their types.
///
/// A codec is what decides how an event looks on disk and on the wire. ``JSONEventCodec`` serves any
/// `Codable` event; a codec written by hand with ``JSONWriter`` and ``JSONReader`` is about ten times as
/// fast.
///
/// Whatever a codec encodes it must decode to an equal event of the same type: ``ReadBack`` holds it to that, and stores
/// refuse an append where it does not.
public protocol EventCodec<Event>: Sendable {
  /// What is encoded.
  associatedtype Event: Sendable

  /// The media type of what ``encode(_:into:)`` writes, `application/json` for example.
  var contentType: String { get }

  /// The name of the event's type, the same for ever: old events are found by it. At most 15 bytes of
  /// UTF-8 need no allocation.
  func type(of event: Event) -> String

  /// Appends the encoded event to `bytes`.
  func encode(_ event: Event, into bytes: inout [UInt8]) throws

  /// The event that `payload` holds.
  /// - Throws: ``UnknownEventType`` where the type is not known: readers stop before the event, since newer code may be on its
  ///   way. Anything else where the payload is not what the type calls for: read models park the event and go on.
  func decode(type: String, payload: Span<UInt8>) throws -> Event

  /// Whether the events of a stream are for this codec; the default takes those of all streams.
  func takes(stream: String) -> Bool

  /// The event of a stream that `payload` holds; `nil` where the events of such streams are not taken. Whoever reads a
  /// store's events calls this one; the default asks ``takes(stream:)`` and ``decode(type:payload:)``.
  /// - Throws: what ``decode(type:payload:)`` throws.
  func decode(type: String, stream: String, payload: Span<UInt8>) throws -> Event?
}

extension EventCodec {
  /// Those of all streams are.
  @inlinable public func takes(stream: String) -> Bool { true }

  /// Decodes the event where its stream is taken.
  @inlinable public func decode(
    type: String, stream: String, payload: Span<UInt8>
  ) throws -> Event? {
    takes(stream: stream) ? try decode(type: type, payload: payload) : nil
  }
}

/// An event whose type is not known to this code.
public struct UnknownEventType: Error, Sendable, CustomStringConvertible {
  /// The name of the type.
  public var type: String

  /// An unknown type.
  public init(type: String) {
    self.type = type
  }

  /// The message.
  public var description: String {
    "the event type '\(type)' is not known to this version of the code"
  }
}
