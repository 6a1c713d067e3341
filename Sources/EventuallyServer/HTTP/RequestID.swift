import HTTPTypes

/// What a request is called in its answer, in logs, and in what the answer says went wrong.
struct RequestID: Sendable, Hashable, CustomStringConvertible {
  /// `X-Request-Id`, of requests and of answers.
  static let header = HTTPField.Name("X-Request-Id")
  private static let longest = 128

  let description: String

  /// The id that a request brings, or a new one where it brings none: 1 to 128 bytes of printable ASCII without spaces.
  init(_ headers: HTTPFields) {
    if let text = Self.header.flatMap({ headers[$0] }),
      (1...Self.longest).contains(text.utf8.count),
      text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    {
      description = text
    } else {
      description = Self.word() + Self.word()
    }
  }

  /// The request as a problem's `instance` names it.
  var uri: String { "/requests/\(PercentEncoding.encode(description))" }

  private static func word() -> String {
    let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
