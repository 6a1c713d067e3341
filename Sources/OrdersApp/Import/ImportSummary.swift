import Orders

/// Accounts for every row of an import.
struct ImportSummary: Sendable {
  /// Rows behind the header.
  var rowsRead = 0
  /// Rows that became part of orders.
  var rowsAccepted = 0
  /// Rows that did not, and are in the file of rejected rows.
  var rowsRejected = 0
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

  /// The summary as lines for people.
  var text: String {
    """
    rows read        \(grouped(rowsRead))
    rows accepted    \(grouped(rowsAccepted))
    rows rejected    \(grouped(rowsRejected))
    orders placed    \(grouped(ordersPlaced))
    orders found     \(grouped(ordersFound))
    events appended  \(grouped(eventsAppended))
    events found     \(grouped(eventsFound))
    total            \(total)
    """
  }
}
