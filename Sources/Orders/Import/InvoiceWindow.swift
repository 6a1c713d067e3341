import Eventually

/// Puts the rows of each invoice together, though a row may come after those of other invoices.
///
/// The invoices that were touched last are kept open. When there are too many, or they hold too much, the one that was
/// not touched for longest is closed, so that memory stays bounded however long the input is. What comes out depends on
/// nothing but the rows and their order: a second run over the same input gives the same orders.
struct InvoiceWindow {
  private let limit: Int
  private let byteLimit: Int
  private var open: [ByteKey: Invoice] = [:]
  /// How many bytes the open invoices have.
  private var bytes = 0
  /// Which invoice was touched when, oldest first; an entry that is not the invoice's last counts nothing.
  private var touches: [(invoice: ByteKey, turn: Int)] = []
  private var firstTouch = 0
  private var lastTurn: [ByteKey: Int] = [:]
  private var turn = 0
  private var current: ByteKey?

  private struct Invoice {
    var rows: [InvoiceRow] = []
    var bytes = 0
  }

  init(limit: Int = 256, byteLimit: Int = 16 << 20) {
    self.limit = limit
    self.byteLimit = byteLimit
  }

  /// Takes a row, and returns the invoices that are closed by it.
  /// - Throws: ``OnlineRetailLayout/Rejection`` where the invoice has as many rows or bytes already as one may have.
  mutating func add(_ row: InvoiceRow) throws(OnlineRetailLayout.Rejection) -> [[InvoiceRow]] {
    let key = ByteKey(row.invoice)
    if let invoice = open[key] {
      guard invoice.rows.count < Order.maximumLines else {
        throw OnlineRetailLayout.Rejection(
          reason: "the invoice has \(Order.maximumLines) rows already, the most an order can have")
      }
      guard invoice.bytes + row.size <= byteLimit else {
        throw OnlineRetailLayout.Rejection(
          reason: "the invoice has more than \(byteLimit) bytes, the most that can be held")
      }
    }
    open[key, default: Invoice()].rows.append(row)
    open[key]?.bytes += row.size
    bytes += row.size
    touch(key)
    var closed: [[InvoiceRow]] = []
    while open.count > limit || (bytes > byteLimit && open.count > 1), let oldest = closeOldest() {
      closed.append(oldest)
    }
    return closed
  }

  /// The input is over: the next invoice that is still open.
  mutating func drain() -> [InvoiceRow]? {
    open.isEmpty ? nil : closeOldest()
  }

  private mutating func touch(_ invoice: ByteKey) {
    guard current != invoice else { return }
    current = invoice
    turn += 1
    lastTurn[invoice] = turn
    touches.append((invoice, turn))
    guard touches.count > 8 * (limit + 1) else { return }
    touches = touches[firstTouch...].filter { lastTurn[$0.invoice] == $0.turn }
    firstTouch = 0
  }

  private mutating func closeOldest() -> [InvoiceRow]? {
    while firstTouch < touches.count {
      let (invoice, turn) = touches[firstTouch]
      firstTouch += 1
      guard lastTurn[invoice] == turn else { continue }
      lastTurn[invoice] = nil
      if current == invoice { current = nil }
      guard let closed = open.removeValue(forKey: invoice) else { continue }
      bytes -= closed.bytes
      return closed.rows
    }
    return nil
  }
}
