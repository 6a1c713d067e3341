/// Percent-encoded text of a URL, taken apart byte by byte: what is between the escapes, and every byte that an escape stands
/// for, arrives as it was sent.
enum PercentEncoding {
  /// The text that an encoded text stands for; `nil` where an escape is incomplete or the bytes are not UTF-8.
  /// - Parameter plusIsSpace: whether `+` stands for a space, as in a query made of a form.
  static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    var rest = text.utf8.makeIterator()
    while let byte = rest.next() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else {
          return nil
        }
        bytes.append(high << 4 | low)
      case UInt8(ascii: "+") where plusIsSpace:
        bytes.append(UInt8(ascii: " "))
      default:
        bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }

  /// A part of a path that stands for a text.
  static func encode(_ text: String) -> String {
    var encoded = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        encoded.append(Character(Unicode.Scalar(byte)))
      default:
        encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return encoded
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

/// The parameters of a query, `a=b&c=d`.
enum QueryParameters {
  /// The value of a parameter; `nil` where there is none of that name.
  /// - Throws: ``Malformed`` where the parameter is there twice, or is not percent-encoded UTF-8.
  static func value(of name: String, in query: String) throws(Malformed) -> String? {
    var found: String?
    for part in query.split(separator: "&") {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let key = PercentEncoding.decode(pair[0], plusIsSpace: true)
      guard key?.utf8.elementsEqual(name.utf8) == true else { continue }
      guard found == nil else { throw .repeated }
      guard let value = PercentEncoding.decode(pair.count == 2 ? pair[1] : "", plusIsSpace: true)
      else { throw .encoding }
      found = value
    }
    return found
  }

  /// Why a parameter has no value.
  enum Malformed: Error {
    case repeated
    case encoding
  }
}
