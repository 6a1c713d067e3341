/// Takes CSV (RFC 4180) apart, in whatever portions its bytes come.
///
/// Fields may be quoted and then hold commas, doubled quotes and line ends. A field that is not UTF-8 is taken
/// for Latin-1, which older exports are in.
struct CSVReader {
  struct Row: Sendable, Equatable {
    /// The line on which the row begins, from 1.
    var line: Int
    var fields: [String]
  }

  private enum State {
    case fieldStart
    case plain
    case quoted
    /// Behind a quote within a quoted field: its end, or the first of two.
    case quote
  }

  private var state = State.fieldStart
  private var line = 1
  private var rowLine = 1
  private var field: [UInt8] = []
  private var fields: [String] = []
  private var isAtStart = true

  /// Takes in bytes, and hands each row that they complete to `body`.
  mutating func read(
    _ bytes: some Sequence<UInt8>, _ body: (Row) throws -> Void
  ) rethrows {
    for byte in bytes {
      switch (state, byte) {
      case (.fieldStart, UInt8(ascii: "\"")):
        state = .quoted
      case (.quoted, UInt8(ascii: "\"")):
        state = .quote
      case (.quote, UInt8(ascii: "\"")):
        field.append(byte)
        state = .quoted
      case (.quoted, _):
        if byte == UInt8(ascii: "\n") { line += 1 }
        field.append(byte)
      case (_, UInt8(ascii: ",")):
        endField()
      case (_, UInt8(ascii: "\n")):
        line += 1
        if field.last == UInt8(ascii: "\r") { field.removeLast() }
        try endRow(body)
      case (.quote, UInt8(ascii: "\r")):
        break
      default:
        field.append(byte)
        state = .plain
      }
    }
  }

  /// The input is over: hands over a last row without a line end.
  mutating func finish(_ body: (Row) throws -> Void) rethrows {
    if state != .fieldStart || !field.isEmpty || !fields.isEmpty { try endRow(body) }
  }

  private mutating func endField() {
    if isAtStart {
      isAtStart = false
      if field.starts(with: [0xEF, 0xBB, 0xBF]) { field.removeFirst(3) }
    }
    fields.append(
      String(validating: field, as: UTF8.self)
        ?? String(String.UnicodeScalarView(field.map { Unicode.Scalar($0) })))
    field.removeAll(keepingCapacity: true)
    state = .fieldStart
  }

  private mutating func endRow(_ body: (Row) throws -> Void) rethrows {
    let isBlank = fields.isEmpty && field.isEmpty && state == .fieldStart
    endField()
    if !isBlank { try body(Row(line: rowLine, fields: fields)) }
    fields.removeAll(keepingCapacity: true)
    rowLine = line
  }
}
