import Eventually

/// An invoice as the order that it becomes, decided by the order's own rules.
struct OrderDraft: Sendable {
  /// The times of an invoice's rows are no more than an hour apart: some were written while a minute changed. The first
  /// one counts.
  static let longestInvoice: UInt64 = 3_600_000_000

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
    let rows = fitting(rows)
    let header = OrderHeader(
      customer: first.customer, country: first.country, kind: Self.kind(rows), time: first.time)
    var root = AggregateRootBuilder(Order()).build(id: id)
    do {
      try await root.handle(.create(header))
    } catch {
      refused += rows.map { ($0, error.description) }
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
      refused += self.rows.map { ($0, error.description) }
      self.rows = []
      return
    }
    events = root.uncommitted
    total = root.state.total
  }

  /// The rows that say of the invoice what its first one says; the others are refused.
  private mutating func fitting(_ rows: [InvoiceRow]) -> [InvoiceRow] {
    let first = rows[0]
    return rows.filter { row in
      let contradiction: String? =
        if row.customer != first.customer {
          "the customer '\(first.customer ?? "")', here '\((row.customer ?? "").prefix(80))'"
        } else if row.country != first.country {
          "the country '\(first.country)', here '\(row.country.prefix(80))'"
        } else if row.time.distance(to: first.time) > Self.longestInvoice {
          "the time \(first.time), here \(row.time)"
        } else {
          nil
        }
      guard let contradiction else { return true }
      refused.append((row, "the invoice has, in line \(first.line), \(contradiction)"))
      return false
    }
  }

  private static func kind(_ rows: [InvoiceRow]) -> OrderKind {
    let isReturn = rows[0].invoice.hasPrefix("C")
    let fits = rows.allSatisfy { row in
      row.item.unitPrice >= .zero && (isReturn ? row.item.quantity < 0 : row.item.quantity > 0)
    }
    return !fits ? .adjustment : isReturn ? .return : .sale
  }
}

extension Timestamp {
  /// How many microseconds lie between two times, whichever is earlier.
  fileprivate func distance(to other: Timestamp) -> UInt64 {
    let (difference, overflow) = microseconds.subtractingReportingOverflow(other.microseconds)
    return overflow ? .max : difference.magnitude
  }
}
