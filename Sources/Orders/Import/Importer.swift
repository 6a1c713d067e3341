import EventuallyServer
import EventuallyCommand
import Eventually

/// Imports a file of invoices: reads rows, puts invoices together, and places an order for each.
///
/// It may be killed at any point and run again: an order is appended as a whole or not at all, under its
/// invoice's number, and one that is there with just these events is left as it is.
final class Importer {
  /// Invoices that are on their way have at most this many bytes together, or are one.
  private static let byteLimit = 32 << 20

  private let input: InputFile
  private let sink: any OrderSink
  private let rejected: RejectedRows
  private var summary = ImportSummary()
  private var progress = ProgressLine()
  private var layout: OnlineRetailLayout?
  private var window = InvoiceWindow()
  private var running = 0
  private var runningBytes = 0

  private struct Outcome: Sendable {
    var draft: OrderDraft
    var bytes: Int
    var placement: Placement?
  }

  private typealias Placing = ThrowingTaskGroup<Outcome, any Error>

  init(input: InputFile, sink: any OrderSink, rejected: RejectedRows) {
    self.input = input
    self.sink = sink
    self.rejected = rejected
  }

  /// Imports to the end.
  /// - Throws: ``Failure`` where the input is not in the layout, or no order can be sent.
  func run() async throws -> ImportSummary {
    var csv = CSVReader()
    try await withThrowingTaskGroup(of: Outcome.self) { group in
      var items: [CSVReader.Item] = []
      var isAtEnd = false
      while !isAtEnd {
        try Task.checkCancellation()
        let chunk = try await input.next()
        if chunk.bytes.isEmpty {
          csv.finish { items.append($0) }
          isAtEnd = true
        } else {
          csv.read(chunk.bytes) { items.append($0) }
        }
        summary.linesRead = csv.lines
        for item in items { try await take(item, &group) }
        items.removeAll(keepingCapacity: true)
        showProgress(offset: chunk.offset)
      }
      while let closed = window.drain() { try await start(closed, &group) }
      while let outcome = try await group.next() {
        try account(outcome)
        showProgress(offset: input.size)
      }
    }
    progress.finish()
    guard layout != nil else { throw Failure("the input is empty: not even a header") }
    return summary
  }

  private func take(_ item: CSVReader.Item, _ group: inout Placing) async throws {
    switch item {
    case .blank:
      summary.linesWithoutRows += 1
    case .malformed(let line, let reason):
      guard layout != nil else { throw Failure("the first line is not CSV: \(reason)") }
      summary.rowsRead += 1
      summary.linesOfRows += 1
      summary.rowsMalformed += 1
      try reject(line: line, reason: reason)
    case .row(let row):
      guard let layout else {
        summary.linesWithoutRows += row.lineCount
        self.layout = try OnlineRetailLayout(header: row.fields)
        return
      }
      summary.rowsRead += 1
      summary.linesOfRows += row.lineCount
      do {
        for closed in try window.add(try layout.read(row)) { try await start(closed, &group) }
      } catch let rejection as OnlineRetailLayout.Rejection {
        try reject(line: row.line, reason: rejection.reason)
      }
    }
  }

  /// Places an invoice, once there is room for it.
  private func start(_ invoice: [InvoiceRow], _ group: inout Placing) async throws {
    let bytes = invoice.reduce(0) { $0 + $1.size }
    while running >= sink.concurrency || (running > 0 && runningBytes + bytes > Self.byteLimit),
      let outcome = try await group.next()
    {
      try account(outcome)
    }
    running += 1
    runningBytes += bytes
    group.addTask { [sink] in
      let draft = await OrderDraft(invoice: invoice)
      if draft.events.isEmpty { return Outcome(draft: draft, bytes: bytes, placement: nil) }
      return Outcome(
        draft: draft, bytes: bytes, placement: try await sink.place(draft.id, draft.events))
    }
  }

  private func account(_ outcome: Outcome) throws {
    let draft = outcome.draft
    running -= 1
    runningBytes -= outcome.bytes
    for (row, reason) in draft.refused { try reject(line: row.line, reason: reason) }
    switch outcome.placement {
    case nil: return
    case .placed:
      FaultPoint.importPlaced.pass()
      summary.ordersPlaced += 1
      summary.eventsAppended += draft.events.count
    case .wasThere:
      summary.ordersFound += 1
      summary.eventsFound += draft.events.count
    case .differs:
      return try refuse(
        draft, "there is another order '\(draft.id)' already, with other contents")
    case .refused(let reason):
      return try refuse(draft, "the invoice was refused, \(reason)")
    }
    summary.rowsAccepted += draft.rows.count
    summary.total = try summary.total.adding(draft.total)
  }

  private func refuse(_ draft: OrderDraft, _ reason: String) throws {
    summary.invoicesRefused += 1
    for row in draft.rows { try reject(line: row.line, reason: reason) }
  }

  private func reject(line: Int, reason: String) throws {
    summary.rowsRejected += 1
    try rejected.add(line: line, reason: reason)
  }

  private func showProgress(offset: Int?) {
    let seconds = max(progress.elapsed, 0.001)
    progress.show(
      "\(grouped(summary.rowsRead)) rows, \(grouped(Int(Double(summary.rowsRead) / seconds))) "
        + "rows/s, \(grouped(summary.ordersPlaced + summary.ordersFound)) orders",
      fraction: input.size.map { Double(offset ?? 0) / Double(max($0, 1)) })
  }
}

extension FaultPoint {
  /// An import has placed an order.
  static let importPlaced = FaultPoint(
    "import.placed", "an import has placed an order, and counts it next")
}
