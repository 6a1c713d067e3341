/// What a `Decodable` type asks its decoder for: the members and types that a schema lists.
public indirect enum Shape: Sendable, Hashable {
  /// Text, of a format such as `date-time` or `uuid` where it has one.
  case string(format: String? = nil)
  /// An integer of the range.
  case integer(minimum: Int64, maximum: UInt64)
  /// A number with a fraction.
  case number
  /// `true` or `false`.
  case boolean
  /// One of some texts.
  case choice([String])
  /// Any number of values of one shape.
  case list(Shape)
  /// Any names, each with a value of one shape.
  case map(Shape)
  /// Members with names of their own.
  case object([Member])
  /// Anything: a type that holds values of itself.
  case any

  /// A member of an object.
  public struct Member: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// What it holds.
    public var shape: Shape
    /// Whether it must be there.
    public var isRequired: Bool

    /// A member.
    public init(_ name: String, _ shape: Shape, isRequired: Bool = true) {
      self.name = name
      self.shape = shape
      self.isRequired = isRequired
    }
  }

  /// The shape of a type, found by decoding it from zeros and empty texts.
  ///
  /// What a type makes of values that it refuses is not seen. A member that is decoded with `try?`, or in a `do` whose error is
  /// caught, is taken for a required one, and for one of the type that was asked for first; only `decodeIfPresent` and `contains` tell
  /// that it may be left out. Such a type says itself what it looks like: see ``Shaped``.
  /// - Throws: ``ShapeError`` where the type takes no such values: it says what to do.
  public init<Value: Decodable>(of type: Value.Type) throws(ShapeError) {
    self = try ShapeRecorder.record(type, path: [], within: []).shape
  }
}

/// A type that says itself what it looks like, since it takes neither zero nor an empty text, or has a shape that `Decodable`
/// does not tell: one that decodes a member with `try?`, or tries one type after another.
public protocol Shaped: Decodable {
  /// What an encoded value looks like.
  static var shape: Shape { get }
  /// Some value.
  static var example: Self { get }
}

/// A type whose shape can't be found.
public struct ShapeError: Error, Sendable, CustomStringConvertible {
  /// The type.
  public var type: String
  /// The members that lead to it.
  public var path: [String]
  /// Why.
  public var cause: any Error

  init(_ type: Any.Type, path: [String], cause: any Error) {
    self.type = "\(type)"
    self.path = path
    self.cause = cause
  }

  /// Names the type and where it was found, and says what to do.
  public var description: String {
    let place = path.isEmpty ? "" : " at '\(path.joined(separator: "."))'"
    return
      "the shape of \(type)\(place) can't be found by decoding zeros and empty texts (\(cause)): let it be "
      + "CaseIterable where it is an enumeration of texts, else conform to Shaped"
  }
}
