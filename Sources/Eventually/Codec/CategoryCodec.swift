/// Takes the events of one category's streams, which another codec decodes.
public struct CategoryCodec<Base: EventCodec>: EventCodec {
  private let base: Base
  private let category: StreamCategory

  /// A codec of a category's events.
  public init(_ base: Base, category: StreamCategory) {
    self.base = base
    self.category = category
  }

  /// The content type of the other codec.
  public var contentType: String { base.contentType }

  /// The name of an event's type.
  public func type(of event: Base.Event) -> String { base.type(of: event) }

  /// Appends the encoded event.
  public func encode(_ event: Base.Event, into bytes: inout [UInt8]) throws {
    try base.encode(event, into: &bytes)
  }

  /// Decodes an event whose stream is known to be of the category.
  public func decode(type: String, payload: Span<UInt8>) throws -> Base.Event {
    try base.decode(type: type, payload: payload)
  }

  /// Whether a stream is of the category.
  public func takes(stream: String) -> Bool { category.contains(stream: stream) }
}
