/// Rewrites a statement's `?` as PostgreSQL has them: `$1`, `$2` and so on.
///
/// What is in quotes or a comment stays as it is, and `??` becomes the operator `?`. `?5` is the fifth value, and the `?` after it the sixth,
/// as in SQLite.
package struct SQLParameters {
  /// The statement.
  package private(set) var sql = ""
  /// How many values it takes.
  package private(set) var count = 0

  private let source: [UInt8]
  private var output: [UInt8] = []
  private var index = 0

  package init(_ statement: String) {
    source = Array(statement.utf8)
    output.reserveCapacity(source.count + 16)
    while index < source.count { takeToken() }
    sql = String(decoding: output, as: UTF8.self)
  }

  private func byte(_ offset: Int = 0) -> UInt8? {
    let place = index + offset
    return place < source.count ? source[place] : nil
  }

  private mutating func copy(_ count: Int = 1) {
    let end = min(index + count, source.count)
    output += source[index..<end]
    index = end
  }

  private mutating func takeToken() {
    switch (source[index], byte(1)) {
    case (UInt8(ascii: "'"), _): takeQuoted(UInt8(ascii: "'"), isEscaping: false)
    case (UInt8(ascii: "\""), _): takeQuoted(UInt8(ascii: "\""), isEscaping: false)
    case (UInt8(ascii: "E"), UInt8(ascii: "'")), (UInt8(ascii: "e"), UInt8(ascii: "'")):
      copy()
      takeQuoted(UInt8(ascii: "'"), isEscaping: true)
    case (UInt8(ascii: "-"), UInt8(ascii: "-")): takeLine()
    case (UInt8(ascii: "/"), UInt8(ascii: "*")): takeComment()
    case (UInt8(ascii: "$"), _): takeDollar()
    case (UInt8(ascii: "?"), _): takeParameter()
    case (let first, _) where Self.isName(first): takeName()
    default: copy()
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func isName(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      || byte == UInt8(ascii: "_") || byte >= 0x80
  }

  /// A name or a number. It may have `$` in it, which begins no quote there.
  private mutating func takeName() {
    repeat { copy() } while byte().map { Self.isName($0) || $0 == UInt8(ascii: "$") } == true
  }

  /// Up to the closing quote; a doubled one is part of it.
  private mutating func takeQuoted(_ quote: UInt8, isEscaping: Bool) {
    copy()
    while let next = byte() {
      if isEscaping, next == UInt8(ascii: "\\") {
        copy(2)
      } else if next != quote {
        copy()
      } else if byte(1) == quote {
        copy(2)
      } else {
        return copy()
      }
    }
  }

  private mutating func takeLine() {
    while let next = byte(), next != UInt8(ascii: "\n") { copy() }
  }

  /// Comments nest in PostgreSQL.
  private mutating func takeComment() {
    var depth = 0
    repeat {
      switch (byte(), byte(1)) {
      case (UInt8(ascii: "/"), UInt8(ascii: "*")):
        depth += 1
        copy(2)
      case (UInt8(ascii: "*"), UInt8(ascii: "/")):
        depth -= 1
        copy(2)
      default: copy()
      }
    } while depth > 0 && index < source.count
  }

  /// `$tag$ … $tag$`, or a `$` alone.
  private mutating func takeDollar() {
    var length = 1
    while let next = byte(length), Self.isName(next), length > 1 || !Self.isDigit(next) {
      length += 1
    }
    guard byte(length) == UInt8(ascii: "$") else { return copy() }
    let tag = source[index...index + length]
    copy(tag.count)
    while index < source.count {
      if source[index...].starts(with: tag) { return copy(tag.count) }
      copy()
    }
  }

  private mutating func takeParameter() {
    index += 1
    if byte() == UInt8(ascii: "?") { return copy() }
    var digits = ""
    while let next = byte(), Self.isDigit(next) {
      digits.unicodeScalars.append(Unicode.Scalar(next))
      index += 1
    }
    // What can't be counted has no value, and the database says so.
    let number = digits.isEmpty ? count + 1 : Int(digits) ?? 0
    count = max(count, number)
    output += "$\(number)".utf8
  }
}
