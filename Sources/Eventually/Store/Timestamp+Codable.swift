extension Timestamp: Codable, Shaped {
  /// RFC 3339.
  public static var shape: Shape { .string(format: "date-time") }
  /// 1970-01-01T00:00:00Z.
  public static var example: Timestamp { Timestamp(microseconds: 0) }

  /// Reads RFC 3339.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let time = Timestamp(text) else {
      throw DecodingError.dataCorruptedError(
        in: container,
        debugDescription:
          "'\(text.prefix(40))' is no time such as 2026-11-23T12:00:00Z, of the years 1 "
          + "to 9999 in UTC")
    }
    self = time
  }

  /// Writes RFC 3339 in UTC.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
