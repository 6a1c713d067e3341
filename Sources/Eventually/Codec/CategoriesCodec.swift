/// An event of one of several categories.
public struct AnyEvent: Sendable {
  /// The category of its stream.
  public let category: StreamCategory
  /// The event, of the type that the category's codec decodes.
  public let event: any Sendable

  /// An event of a category.
  public init(category: StreamCategory, event: any Sendable) {
    self.category = category
    self.event = event
  }
}

/// The events of several categories, each by a codec of its own.
public struct CategoriesCodec: EventCodec {
  /// A handful at most: looked through faster than hashed.
  private let codecs: [(category: StreamCategory, codec: any EventCodec)]
  private let isComplete: Bool
  /// That of all codecs; `application/json` where there is none.
  public let contentType: String

  /// A codec of some categories.
  /// - Parameters:
  ///   - codecs: decode the events of their category's streams.
  ///   - isComplete: whether these are all categories that there are, as they must be where every event has to be readable:
  ///     an event of another one is an ``UnknownEventType`` then. Else it is not taken.
  /// - Throws: ``ContentTypesDiffer``, since all records of a store have the same content type.
  public init(
    _ codecs: [StreamCategory: any EventCodec], isComplete: Bool
  ) throws(ContentTypesDiffer) {
    let types = codecs.mapValues { $0.contentType }
    guard Set(types.values).count <= 1 else { throw ContentTypesDiffer(contentTypes: types) }
    contentType = types.first?.value ?? "application/json"
    self.codecs = codecs.map { ($0.key, $0.value) }.sorted { $0.0.name < $1.0.name }
    self.isComplete = isComplete
  }

  private func codec(ofStream stream: String) -> (StreamCategory, any EventCodec)? {
    codecs.first { $0.category.contains(stream: stream) }
  }

  private func codec(of event: AnyEvent) -> (any EventCodec)? {
    codecs.first { $0.category == event.category }?.codec
  }

  /// The name that the category's codec has for the event's type; empty where the event is not one of the category's, which
  /// ``encode(_:into:)`` then throws.
  public func type(of event: AnyEvent) -> String {
    func type<Codec: EventCodec>(_ codec: Codec) -> String {
      (event.event as? Codec.Event).map(codec.type(of:)) ?? ""
    }
    return codec(of: event).map { type($0) } ?? ""
  }

  /// Appends the event as the category's codec encodes it.
  /// - Throws: ``WrongEventType`` where the category is not known, or the event is not of the type that its codec encodes.
  public func encode(_ event: AnyEvent, into bytes: inout [UInt8]) throws {
    func encode<Codec: EventCodec>(_ codec: Codec, _ bytes: inout [UInt8]) throws {
      guard let known = event.event as? Codec.Event else {
        throw WrongEventType(event, expected: Codec.Event.self)
      }
      try codec.encode(known, into: &bytes)
    }
    guard let codec = codec(of: event) else { throw WrongEventType(event, expected: nil) }
    try encode(codec, &bytes)
  }

  /// Decodes nothing: which codec does is known by the stream alone, see ``decode(type:stream:payload:)``.
  /// - Throws: ``UnknownEventType``.
  public func decode(type: String, payload: Span<UInt8>) throws -> AnyEvent {
    throw UnknownEventType(type: type)
  }

  /// Whether a stream is of one of the categories, or has to be.
  public func takes(stream: String) -> Bool {
    isComplete || codec(ofStream: stream) != nil
  }

  /// The event as the codec of its stream's category decodes it.
  public func decode(type: String, stream: String, payload: Span<UInt8>) throws -> AnyEvent? {
    guard let (category, codec) = codec(ofStream: stream) else {
      if isComplete { throw UnknownEventType(type: type) }
      return nil
    }
    func decode<Codec: EventCodec>(_ codec: Codec) throws -> AnyEvent? {
      try codec.decode(type: type, stream: stream, payload: payload).map {
        AnyEvent(category: category, event: $0)
      }
    }
    return try decode(codec)
  }
}

/// The codecs of several categories have different content types.
public struct ContentTypesDiffer: Error, Sendable, CustomStringConvertible {
  /// The content type of each category's codec.
  public var contentTypes: [StreamCategory: String]

  /// Names all of them.
  public var description: String {
    let list = contentTypes.map { "'\($0.value)' of '\($0.key)'" }.sorted()
    return "the codecs of a store's categories must have one content type, and have "
      + list.joined(separator: ", ")
  }
}

/// An event that is not one of its category's.
public struct WrongEventType: Error, Sendable, CustomStringConvertible {
  /// The category.
  public var category: StreamCategory
  /// The Swift type of the event.
  public var found: String
  /// The Swift type of the category's events; `nil` where the category is not known.
  public var expected: String?

  init(_ event: AnyEvent, expected: Any.Type?) {
    category = event.category
    found = "\(Swift.type(of: event.event))"
    self.expected = expected.map { "\($0)" }
  }

  /// Names the types and the category.
  public var description: String {
    expected.map { "an event of the category '\(category)' is of the type \($0), not \(found)" }
      ?? "the category '\(category)' of an event of the type \(found) is not known"
  }
}
