/// Takes CSV (RFC 4180) apart, in whatever chunks its bytes come.
///
/// Fields may be quoted and then hold commas, doubled quotes and line ends. A field that is not UTF-8 is taken
/// for Latin-1, which older exports are in. What is not CSV costs one line: reading goes on at the next one, so that a
/// stray quote can't swallow what follows it. No more than a row and a chunk are held.
struct CSVReader {
  /// A row has at most this many bytes, line end included.
  static let maximumRowBytes = 65_536
  /// A row has at most this many lines.
  static let maximumRowLines = 100

  struct Row: Sendable, Equatable {
    /// The line on which the row begins, from 1.
    var line: Int
    /// How many lines it has: more than one where quoted fields hold line ends.
    var lineCount = 1
    var fields: [String]
  }

  enum Item: Sendable, Equatable {
    case row(Row)
    case blank
    /// A line that can't be read as the beginning of a row, and is passed over.
    case malformed(line: Int, reason: String)
  }

  /// How many lines have been dealt with.
  private(set) var lines = 0
  /// What of the input has not been dealt with: the beginning of a row.
  private var rest: [UInt8] = []
  /// Whether the rest of a line is passed over that was too long to be held.
  private var isSkipping = false
  private var isAtStart = true
  /// How many fields the first row has, and so each.
  private var width: Int?

  /// Takes in bytes, and hands over what they complete.
  mutating func read(_ bytes: some Collection<UInt8>, _ body: (Item) throws -> Void) rethrows {
    rest.append(contentsOf: bytes)
    try parse(isAtEnd: false, body)
  }

  /// The input is over: hands over what is left, such as a last row without a line end.
  mutating func finish(_ body: (Item) throws -> Void) rethrows {
    try parse(isAtEnd: true, body)
  }

  private mutating func parse(isAtEnd: Bool, _ body: (Item) throws -> Void) rethrows {
    var start = 0
    // The rest is moved once for each chunk.
    defer { rest.removeFirst(start) }
    if isAtStart {
      guard isAtEnd || rest.count >= 3 else { return }
      if rest.starts(with: [0xEF, 0xBB, 0xBF]) { start = 3 }
      isAtStart = false
    }
    while start < rest.count {
      if isSkipping {
        guard let next = endOfLine(from: start) else {
          start = rest.count
          return
        }
        start = next
        isSkipping = false
        continue
      }
      var parser = RowParser(rest, from: start, isAtEnd: isAtEnd)
      switch parser.parse(width: width) {
      case .incomplete: return
      case .blank:
        start = parser.index
        lines += 1
        try body(.blank)
      case .row(let fields):
        start = parser.index
        let row = Row(line: lines + 1, lineCount: parser.lineCount, fields: fields)
        lines += row.lineCount
        width = width ?? fields.count
        try body(.row(row))
      case .malformed(let reason):
        lines += 1
        if let next = endOfLine(from: start) {
          start = next
        } else {
          start = rest.count
          isSkipping = !isAtEnd
        }
        try body(.malformed(line: lines, reason: reason))
      }
    }
  }

  /// The place behind the next line end.
  private func endOfLine(from start: Int) -> Int? {
    rest[start...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
  }
}

/// Takes one row apart, from its first byte.
private struct RowParser {
  enum Outcome {
    /// The row goes on behind the bytes that are there.
    case incomplete
    case blank
    case row([String])
    case malformed(String)
  }

  private enum State {
    case fieldStart
    case plain
    case quoted
    /// Behind a quote within a quoted field: its end, or the first of two.
    case quote
    /// Behind a quoted field and a carriage return.
    case lineEnd
  }

  private let bytes: [UInt8]
  private let start: Int
  private let isAtEnd: Bool
  /// The place behind the row, once it has been taken apart.
  private(set) var index: Int
  private(set) var lineCount = 1
  private var state = State.fieldStart
  private var field: [UInt8] = []
  private var fields: [String] = []

  init(_ bytes: [UInt8], from start: Int, isAtEnd: Bool) {
    self.bytes = bytes
    self.start = start
    self.isAtEnd = isAtEnd
    index = start
  }

  /// - Parameter width: how many fields a row has, where that is known.
  mutating func parse(width: Int?) -> Outcome {
    while index < bytes.count {
      if index - start == CSVReader.maximumRowBytes {
        return .malformed(
          state == .quoted
            ? "a quote is not closed within \(CSVReader.maximumRowBytes) bytes"
            : "the row has more than \(CSVReader.maximumRowBytes) bytes")
      }
      let byte = bytes[index]
      index += 1
      switch (state, byte) {
      case (.fieldStart, UInt8(ascii: "\"")): state = .quoted
      case (.quoted, UInt8(ascii: "\"")): state = .quote
      case (.quoted, _):
        if byte == UInt8(ascii: "\n") { lineCount += 1 }
        if lineCount > CSVReader.maximumRowLines {
          return .malformed("a quote is not closed within \(CSVReader.maximumRowLines) lines")
        }
        field.append(byte)
      case (.quote, UInt8(ascii: "\"")):
        field.append(byte)
        state = .quoted
      case (.quote, UInt8(ascii: "\r")): state = .lineEnd
      case (_, UInt8(ascii: "\n")): return end(width)
      case (.lineEnd, _): return .malformed("a closing quote is not followed by a comma")
      case (_, UInt8(ascii: ",")): endField()
      case (.quote, _): return .malformed("a closing quote is not followed by a comma")
      default:
        field.append(byte)
        state = .plain
      }
    }
    guard isAtEnd else { return .incomplete }
    return state == .quoted ? .malformed("a quote is not closed before the file ends") : end(width)
  }

  private mutating func end(_ width: Int?) -> Outcome {
    if state == .plain, field.last == UInt8(ascii: "\r") { field.removeLast() }
    if fields.isEmpty, field.isEmpty, state == .fieldStart || state == .plain { return .blank }
    endField()
    if lineCount > 1, let width, fields.count != width {
      return .malformed(
        "a quote joins \(lineCount) lines to a row of \(fields.count) fields, not \(width)")
    }
    return .row(fields)
  }

  private mutating func endField() {
    fields.append(
      String(validating: field, as: UTF8.self)
        ?? String(String.UnicodeScalarView(field.map { Unicode.Scalar($0) })))
    field.removeAll(keepingCapacity: true)
    state = .fieldStart
  }
}
