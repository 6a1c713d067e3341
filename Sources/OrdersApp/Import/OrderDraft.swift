import Eventually
import Orders

/// An invoice as the order that it becomes, decided by the order's own rules.
struct OrderDraft: Sendable {
  var id: String
  var events: [OrderEvent]
  /// The rows that the order is made of.
  var rows: [InvoiceRow]
  /// Rows that the rules refuse, with the reason.
  var refused: [(row: InvoiceRow, reason: String)]
  /// The sum of the order's lines.
  var total: Money

  /// Lets the order's rules decide on an invoice's rows.
  ///
  /// Returns begin with C. What has quantities or prices below zero and does not is a correction: bad debts
  /// written off, and stock.
  init(invoice rows: [InvoiceRow]) async {
    id = rows[0].invoice
    events = []
    self.rows = []
    refused = []
    total = .zero
    let first = rows[0]
    let header = OrderHeader(
      customer: first.customer, country: first.country, kind: Self.kind(rows), time: first.time)
    var root = AggregateRootBuilder(Order()).build(id: id)
    do {
      try await root.handle(.create(header))
    } catch {
      refused = rows.map { ($0, error.description) }
      return
    }
    for row in rows {
      do {
        try await root.handle(.addItem(row.item))
        self.rows.append(row)
      } catch {
        refused.append((row, error.description))
      }
    }
    guard !self.rows.isEmpty else { return }
    do {
      try await root.handle(.complete)
    } catch {
      refused = rows.map { ($0, error.description) }
      self.rows = []
      return
    }
    events = root.uncommitted
    total = root.state.total
  }

  private static func kind(_ rows: [InvoiceRow]) -> OrderKind {
    let isReturn = rows[0].invoice.hasPrefix("C")
    let fits = rows.allSatisfy { row in
      row.item.unitPrice >= .zero && (isReturn ? row.item.quantity < 0 : row.item.quantity > 0)
    }
    return !fits ? .adjustment : isReturn ? .return : .sale
  }
}
