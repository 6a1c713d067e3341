import Eventually

/// A page of a read model's table: browsed in an order, or searched.
struct RowSearch: Sendable {
  /// What is asked for.
  struct Question: Sendable {
    var query: RowQuery
    /// The beginning of a key, or a text in any column.
    var search = ""
    /// Columns that the asker may not see: nothing is ordered or found by them, and cursors do not tell them.
    var hidden: Set<String> = []
  }

  /// A text that is longer is looked for nowhere.
  static let longestSearch = 200

  struct Page: Sendable {
    var rows: [[ColumnValue]] = []
    /// Where the next page begins.
    var next: PageCursor?
    /// How many rows were looked at, where not all that could be found were.
    var searched: Int?
  }

  /// How much one page may look at.
  struct Bounds: Sendable {
    var rows = 50
    /// A larger table has no order but those of its indexes.
    var unindexed = 100_000
    var scanned = 200_000
    var step = 2_000
    var time = Duration.milliseconds(150)
  }

  /// What a cursor begins with.
  private enum Mode: Int64 {
    /// All rows, or those that a text is found in.
    case each, key
    /// By a number of rows, where a place would tell what is hidden.
    case skipping
  }

  var question: Question
  var bounds = Bounds()

  /// - Throws: an answer 422 where the order or the cursor can't be.
  func page(_ cursor: PageCursor?, in rows: any SQLRows) throws -> Page {
    try checkOrder(in: rows)
    let place = Array((cursor?.values ?? []).dropFirst())
    switch cursor?.values.first {
    case nil:
      if let page = try byKey(nil, in: rows), !page.rows.isEmpty { return page }
      return try each(nil, skipped: 0, in: rows)
    case .integer(Mode.key.rawValue) where question.query.isPlace(place) && !hidesPlace:
      return try byKey(place, in: rows) ?? Page()
    case .integer(Mode.each.rawValue) where question.query.isPlace(place) && !hidesPlace:
      return try each(place, skipped: 0, in: rows)
    case .integer(Mode.skipping.rawValue):
      guard hidesPlace, place.count == 1, case .integer(let skipped) = place[0],
        (0...Int64(clamping: bounds.scanned)).contains(skipped)
      else { throw Self.wrongCursor }
      return try each(nil, skipped: Int(skipped), in: rows)
    default: throw Self.wrongCursor
    }
  }

  private static let wrongCursor = RequestError(
    kind: .invalid, "the parameter 'cursor' must be as an answer has it", parameter: "cursor")

  private var table: TableSchema { question.query.table }

  /// Whether a place would tell what is hidden.
  private var hidesPlace: Bool { table.key.contains { question.hidden.contains($0.name) } }

  private func checkOrder(in rows: any SQLRows) throws {
    guard let order = question.query.order else { return }
    guard !question.hidden.contains(order.column.name) else {
      throw RequestError(
        kind: .invalid, "nothing is ordered by '\(order.column.name)', which is masked",
        parameter: "order")
    }
    guard !question.query.isIndexed else { return }
    let count = question.query.count(limit: bounds.unindexed + 1)
    let number = try rows.rows(count.sql, count.values) { $0.integer(0) }.first ?? 0
    guard number <= bounds.unindexed else {
      throw RequestError(
        kind: .invalid,
        "the table has more than \(bounds.unindexed) rows and no index by '\(order.column.name)': there are some by "
          + question.query.indexedColumns.joined(separator: ", "), parameter: "order")
    }
  }

  /// The rows whose key begins with what is searched, by the key's index; `nil` where that is not how to search.
  private func byKey(_ place: [ColumnValue]?, in rows: any SQLRows) throws -> Page? {
    guard !question.search.isEmpty, question.query.order == nil, let key = table.key.first,
      !hidesPlace
    else { return nil }
    let first: ColumnValue
    switch key.kind {
    case .text: first = .text(question.search)
    case .integer:
      guard let number = Int64(question.search) else { return nil }
      first = .integer(number)
    }
    let begins = { (row: [ColumnValue]) in
      switch row[0] {
      case .text(let text): text.utf8.starts(with: question.search.utf8)
      case let value: value == first
      }
    }
    let statement = question.query.rows(
      after: place, from: place == nil ? first : nil, limit: bounds.rows + 1)
    let found = try read(statement, in: rows).prefix { begins($0) }
    return page(Array(found), of: .key, isMore: found.count > bounds.rows)
  }

  /// All rows from a place on, or those that what is searched is found in.
  private func each(_ place: [ColumnValue]?, skipped: Int, in rows: any SQLRows) throws -> Page {
    let begin = ContinuousClock.now
    if question.search.isEmpty {
      let found = try read(
        question.query.rows(after: place, skipping: skipped, limit: bounds.rows + 1), in: rows)
      return page(
        found, of: .each, skipped: skipped + bounds.rows, isMore: found.count > bounds.rows)
    }
    let needle = Array(question.search.lowercased().utf8)
    // Without an index each step would sort the whole table.
    let step = question.query.isIndexed ? bounds.step : bounds.unindexed
    var (found, scanned, place) = ([[ColumnValue]](), 0, place)
    while true {
      let part = try read(
        question.query.rows(
          after: place, skipping: hidesPlace ? skipped + scanned : 0, limit: step), in: rows)
      for (index, row) in part.enumerated() {
        if contains(row, needle) { found.append(row) }
        // Rows with long texts take their time.
        let isLate = index % 64 == 63 && .now - begin >= bounds.time
        guard isLate || found.count == bounds.rows else { continue }
        scanned += index + 1
        let next = cursor(.each, question.query.place(of: row), skipped: skipped + scanned)
        return Page(rows: found, next: next, searched: scanned)
      }
      scanned += part.count
      guard part.count == step, let last = part.last else {
        var page = page(found, of: .each, isMore: false)
        page.searched = place == nil && skipped == 0 ? nil : scanned
        return page
      }
      place = hidesPlace ? nil : question.query.place(of: last)
      guard scanned < bounds.scanned, .now - begin < bounds.time else {
        return Page(
          rows: found, next: cursor(.each, place ?? [], skipped: skipped + scanned),
          searched: scanned)
      }
    }
  }

  private func read(_ statement: RowQuery.Statement, in rows: any SQLRows) throws -> [[ColumnValue]]
  {
    try rows.rows(statement.sql, statement.values) { row in
      table.columns.indices.map { row.value($0) }
    }
  }

  /// - Parameter needle: in lower case.
  private func contains(_ row: [ColumnValue], _ needle: [UInt8]) -> Bool {
    zip(table.columns, row).contains { column, value in
      guard !question.hidden.contains(column.name) else { return false }
      switch value {
      case .text(let text):
        let text = text.lowercased().utf8
        return text.count >= needle.count && text.contains(needle)
      case .integer(let number): return "\(number)".utf8.contains(needle)
      case .null: return false
      }
    }
  }

  private func page(
    _ found: [[ColumnValue]], of mode: Mode, skipped: Int = 0, isMore: Bool
  ) -> Page {
    let rows = Array(found.prefix(bounds.rows))
    guard isMore, let last = rows.last else { return Page(rows: rows) }
    return Page(
      rows: rows, next: cursor(mode, question.query.place(of: last), skipped: skipped))
  }

  private func cursor(_ mode: Mode, _ place: [ColumnValue], skipped: Int) -> PageCursor? {
    if !hidesPlace { return PageCursor([.integer(mode.rawValue)] + place) }
    guard skipped <= bounds.scanned else { return nil }
    return PageCursor([.integer(Mode.skipping.rawValue), .integer(Int64(skipped))])
  }
}
