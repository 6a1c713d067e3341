import Eventually

/// Writes comma-separated values as RFC 4180 has them, which a spreadsheet opens without running any of it.
struct CSVWriter {
  var bytes: [UInt8] = []

  mutating func line(_ cells: [ColumnValue]) {
    for (index, cell) in cells.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      switch cell {
      case .null: break
      case .integer(let number): bytes.append(contentsOf: "\(number)".utf8)
      case .text(let text): add(text)
      }
    }
    bytes.append(contentsOf: "\r\n".utf8)
  }

  private mutating func add(_ text: String) {
    // A spreadsheet takes what begins so for a formula.
    let isFormula = text.utf8.first.map { "=+-@\t\r".utf8.contains($0) } ?? false
    let needsQuotes = text.utf8.contains { ",\"\r\n".utf8.contains($0) }
    if needsQuotes { bytes.append(UInt8(ascii: "\"")) }
    if isFormula { bytes.append(UInt8(ascii: "'")) }
    // By bytes: to a string, a quote with an accent is another character.
    let parts = text.utf8.split(separator: UInt8(ascii: "\""), omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
      if index > 0 { bytes.append(contentsOf: "\"\"".utf8) }
      bytes.append(contentsOf: part)
    }
    if needsQuotes { bytes.append(UInt8(ascii: "\"")) }
  }
}

/// A table's rows as comma-separated values, so many at a time that they are some ten to a hundred kilobytes.
struct CSVPieces: ResponsePieces {
  let source: any ReadModelSource
  var search: RowSearch
  private var cursor: PageCursor?
  private var isBegun = false
  /// The export's place among the questions that are answered at a time, for as long as it goes on.
  let share: Budget.Share

  init(_ source: any ReadModelSource, _ question: RowSearch.Question, share: Budget.Share) {
    self.source = source
    self.share = share
    search = RowSearch(question: question)
    search.bounds.scanned = .max
  }

  mutating func writeNext(_ json: inout JSONWriter) async throws -> Bool {
    let (search, cursor) = (search, cursor)
    let page = try await source.read { try search.page(cursor, in: $0) }
    let columns = search.question.query.table.columns
    var csv = CSVWriter()
    if !isBegun { csv.line(columns.map { .text($0.name) }) }
    isBegun = true
    for row in page.rows {
      csv.line(
        zip(columns, row).map { search.question.hidden.contains($0.name) ? .null : $1 })
    }
    json.bytes.append(contentsOf: csv.bytes)
    switch csv.bytes.count {
    case ..<(32 << 10): self.search.bounds.rows = min(search.bounds.rows * 2, 4_000)
    case (256 << 10)...: self.search.bounds.rows = max(search.bounds.rows / 4, 1)
    default: break
    }
    self.cursor = page.next
    return page.next != nil
  }
}
