public import Eventually
import HTTPTypes

/// The header `Idempotency-Key`: a string in quotes (RFC 8941), or the same characters without them.
enum IdempotencyKeyHeader {
  static let name = HTTPField.Name("idempotency-key")
  /// In an answer: `true` where it is the one that was given first.
  static let replayed = HTTPField.Name("idempotent-replayed")
  static let rule = "1 to 255 characters of printable ASCII, once, in quotes or without"

  /// The key that a header's value names; `nil` where it names none.
  static func key(_ value: String) -> String? {
    var bytes = Array(value.utf8)
    guard bytes.allSatisfy({ (0x20...0x7E).contains($0) }) else { return nil }
    if bytes.first == UInt8(ascii: "\"") {
      guard let text = unquoted(bytes.dropFirst()) else { return nil }
      bytes = text
    } else if bytes.contains(where: { "\"\\,; ".utf8.contains($0) }) {
      // Several keys, a parameter, or a string of which a part is lost.
      return nil
    }
    return (1...255).contains(bytes.count) ? String(decoding: bytes, as: UTF8.self) : nil
  }

  /// What is in a string behind its first quote, which a second one must end; `\` stands before quotes and itself.
  private static func unquoted(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
    var text: [UInt8] = []
    var rest = bytes
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""): return rest.isEmpty ? text : nil
      case UInt8(ascii: "\\"):
        guard let escaped = rest.popFirst(), "\"\\".utf8.contains(escaped) else { return nil }
        text.append(escaped)
      default: text.append(byte)
      }
    }
    return nil
  }
}

extension APIRequest {
  /// The key of the header `Idempotency-Key`, which goes to `execute(_:on:expecting:idempotencyKey:)`; `nil` where there is no such header.
  /// What the request is comes with it: the same key with another method, path or body is refused. See
  /// ``API/Parameter/idempotencyKey``.
  /// - Throws: an answer 400 where the header names no key.
  public func idempotencyKey() throws -> IdempotencyKey? {
    guard let name = IdempotencyKeyHeader.name else { return nil }
    let values = headers[values: name]
    guard let value = values.first else { return nil }
    guard values.count == 1, let key = IdempotencyKeyHeader.key(value) else {
      throw RequestError(
        kind: .invalidRequest,
        "the header 'Idempotency-Key' must have \(IdempotencyKeyHeader.rule)",
        parameter: "idempotency-key")
    }
    return IdempotencyKey(
      key,
      request: RequestFingerprint(Array(method.rawValue.utf8), Array(pathOnly.utf8), body))
  }
}

extension API.Parameter {
  /// The header that ``APIRequest/idempotencyKey()`` reads.
  public static let idempotencyKey = API.Parameter(
    name: "idempotency-key", place: .header,
    summary:
      "Names this request: sent again with the same key, as often as it takes to get an answer, it has its effect once and "
      + "the same answer",
    schema: .string(pattern: #"^("([ !#-\[\]-~]|\\["\\]){1,255}"|[!#-+\--:<-\[\]-~]{1,255})$"#)
      .example("\"payment-4711\""))
}
