/// Puts the rows of each invoice together, though a row may come after those of other invoices.
///
/// The invoices that were touched last are kept open. When there are too many, the one that was not touched for
/// longest is closed, so that memory stays bounded however long the input is. What comes out depends on nothing
/// but the rows and their order: a second run over the same input gives the same orders.
struct InvoiceWindow {
  private let limit: Int
  private var open: [String: [InvoiceRow]] = [:]
  /// Which invoice was touched when, oldest first; an entry that a later one has overtaken counts nothing.
  private var touches: [(invoice: String, turn: Int)] = []
  private var firstTouch = 0
  private var lastTurn: [String: Int] = [:]
  private var turn = 0
  private var current: String?

  init(limit: Int = 256) {
    self.limit = limit
  }

  /// Takes in a row, and returns the invoice that is closed by it, if any.
  mutating func add(_ row: InvoiceRow) -> [InvoiceRow]? {
    open[row.invoice, default: []].append(row)
    if current != row.invoice {
      current = row.invoice
      turn += 1
      lastTurn[row.invoice] = turn
      touches.append((row.invoice, turn))
    }
    return open.count > limit ? closeOldest() : nil
  }

  /// The input is over: the next invoice that is still open.
  mutating func drain() -> [InvoiceRow]? {
    open.isEmpty ? nil : closeOldest()
  }

  private mutating func closeOldest() -> [InvoiceRow]? {
    while firstTouch < touches.count {
      let (invoice, turn) = touches[firstTouch]
      firstTouch += 1
      if firstTouch > 1024 {
        touches.removeFirst(firstTouch)
        firstTouch = 0
      }
      if lastTurn[invoice] == turn {
        lastTurn[invoice] = nil
        return open.removeValue(forKey: invoice)
      }
    }
    return nil
  }
}
