import EventuallyCommand

/// Accounts for every line, row and invoice of an import.
struct ImportSummary: Sendable {
  /// Lines of the file.
  var linesRead = 0
  /// Of these, lines of the header and blank ones.
  var linesWithoutRows = 0
  /// Of these, lines of rows: a row has several where its fields hold line ends.
  var linesOfRows = 0
  /// Rows behind the header.
  var rowsRead = 0
  /// Rows that became part of orders.
  var rowsAccepted = 0
  /// Rows that did not, and are in the file of rejected rows.
  var rowsRejected = 0
  /// Of these, rows that are not CSV.
  var rowsMalformed = 0
  /// Invoices that were not taken: the writer refused them, or has others with their numbers. Their rows are rejected.
  var invoicesRefused = 0
  /// Orders that this run placed.
  var ordersPlaced = 0
  /// Orders that an earlier run had placed.
  var ordersFound = 0
  /// Events that this run appended.
  var eventsAppended = 0
  /// Events that an earlier run had appended.
  var eventsFound = 0
  /// The sum of quantity times price over the accepted rows.
  var total: Money = .zero

  /// The summary, a figure a line.
  var text: String {
    """
    lines read       \(grouped(linesRead))
    lines of rows    \(grouped(linesOfRows))
    header, blank    \(grouped(linesWithoutRows))
    rows read        \(grouped(rowsRead))
    rows accepted    \(grouped(rowsAccepted))
    rows rejected    \(grouped(rowsRejected))
    rows not CSV     \(grouped(rowsMalformed))
    invoices refused \(grouped(invoicesRefused))
    orders placed    \(grouped(ordersPlaced))
    orders found     \(grouped(ordersFound))
    events appended  \(grouped(eventsAppended))
    events found     \(grouped(eventsFound))
    total            \(total)
    """
  }

  /// What keeps the import from being a success, though it went to the end; `nil` for nothing.
  var complaint: String? {
    var parts: [String] = []
    if rowsMalformed > 0 {
      parts.append("\(grouped(rowsMalformed)) rows are not CSV, so that others may be read wrongly")
    }
    if invoicesRefused > 0 { parts.append("\(grouped(invoicesRefused)) invoices were refused") }
    return parts.isEmpty ? nil : parts.joined(separator: ", and ")
  }
}
