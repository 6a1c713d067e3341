/// A text from outside as it may be shown on a terminal or put into a log: control characters, characters that turn
/// the direction of text, and invisible ones are escaped as JSON does it, `\u001B` for example.
///
/// - Parameter keepsNewlines: whether lines may end in it; elsewhere a newline would begin a line that looks as if
///   somebody else had written it.
package func printable(_ text: String, keepsNewlines: Bool = false) -> String {
  escaped(text) { scalar in
    scalar == "\n" && keepsNewlines ? nil : scalar.escape
  }
}

/// JSON as one line that may be shown on a terminal, and is still the same JSON.
///
/// Outside of strings JSON has no control characters but tabs and line ends, which count there as much as a space;
/// inside of strings an escape stands for the same character.
package func printableJSON(_ bytes: [UInt8]) -> String {
  var bytes = bytes[...]
  while let last = bytes.last, last == UInt8(ascii: "\n") { bytes.removeLast() }
  return escaped(String(decoding: bytes, as: UTF8.self)) { scalar in
    scalar == "\n" || scalar == "\r" || scalar == "\t" ? " " : scalar.escape
  }
}

extension String {
  /// The beginning of a text from outside, as messages quote it: at most 80 scalars, escaped as ``printable(_:keepsNewlines:)``
  /// does it. A character may be made of any number of scalars.
  package var excerpt: String { excerpt(80) }

  /// The same with another limit.
  package func excerpt(_ limit: Int) -> String {
    let beginning = unicodeScalars.prefix(limit)
    let isWhole = beginning.endIndex == unicodeScalars.endIndex
    return printable(String(beginning)) + (isWhole ? "" : "…")
  }
}

private func escaped(_ text: String, _ escape: (Unicode.Scalar) -> String?) -> String {
  guard text.unicodeScalars.contains(where: { $0.escape != nil }) else { return text }
  var result = ""
  for scalar in text.unicodeScalars {
    if let escape = escape(scalar) {
      result += escape
    } else {
      result.unicodeScalars.append(scalar)
    }
  }
  return result
}

extension Unicode.Scalar {
  /// What stands for the character on a terminal; `nil` for the character itself.
  fileprivate var escape: String? {
    if isASCII {
      if value >= 0x20 && value != 0x7F { return nil }
    } else {
      switch properties.generalCategory {
      // Zero-width characters, marks of direction and byte order marks are formats.
      case .control, .format, .lineSeparator, .paragraphSeparator: break
      default: return nil
      }
    }
    switch self {
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    default:
      return utf16.map { unit in
        let digits = String(unit, radix: 16, uppercase: true)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }.joined()
    }
  }
}
