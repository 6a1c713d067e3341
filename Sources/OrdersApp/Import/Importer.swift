import Eventually
import Orders

/// Imports a file of invoices: reads rows, puts invoices together, and places an order for each.
///
/// It may be killed at any point and run again: an order is appended as a whole or not at all, under its
/// invoice's number, and one that is there with just these events is left as it is.
struct Importer {
  let input: InputFile
  let sink: any OrderSink
  let rejected: RejectedRows

  private struct Outcome: Sendable {
    var draft: OrderDraft
    var placement: Placement?
  }

  /// Imports to the end.
  /// - Throws: ``Failure`` where the input is not in the layout, or an order can't be sent.
  func run() async throws -> ImportSummary {
    var summary = ImportSummary()
    var progress = ProgressLine()
    var csv = CSVReader()
    var layout: OnlineRetailLayout?
    var window = InvoiceWindow()
    var rows: [CSVReader.Row] = []
    try await withThrowingTaskGroup(of: Outcome.self) { group in
      var running = 0
      func start(_ invoice: [InvoiceRow]) async throws {
        if running >= sink.concurrency, let outcome = try await group.next() {
          running -= 1
          try account(outcome, &summary)
        }
        running += 1
        group.addTask { [sink] in try await Self.place(invoice, sink) }
      }
      var isAtEnd = false
      while !isAtEnd {
        try Task.checkCancellation()
        let bytes = try input.read()
        if bytes.isEmpty {
          csv.finish { rows.append($0) }
          isAtEnd = true
        } else {
          csv.read(bytes) { rows.append($0) }
        }
        for row in rows {
          guard let known = layout else {
            layout = try OnlineRetailLayout(header: row.fields)
            continue
          }
          summary.rowsRead += 1
          do {
            let invoiceRow = try known.read(row)
            if let closed = window.add(invoiceRow) { try await start(closed) }
          } catch let rejection as OnlineRetailLayout.Rejection {
            try reject(line: row.line, reason: rejection.reason, &summary)
          }
        }
        rows.removeAll(keepingCapacity: true)
        showProgress(&progress, summary)
      }
      while let closed = window.drain() { try await start(closed) }
      while let outcome = try await group.next() {
        try account(outcome, &summary)
        showProgress(&progress, summary)
      }
    }
    progress.finish()
    guard layout != nil else { throw Failure("the input is empty: not even a header") }
    return summary
  }

  private static func place(
    _ invoice: [InvoiceRow], _ sink: any OrderSink
  ) async throws -> Outcome {
    let draft = await OrderDraft(invoice: invoice)
    if draft.events.isEmpty { return Outcome(draft: draft, placement: nil) }
    return Outcome(draft: draft, placement: try await sink.place(draft.id, draft.events))
  }

  private func account(_ outcome: Outcome, _ summary: inout ImportSummary) throws {
    let draft = outcome.draft
    for (row, reason) in draft.refused { try reject(line: row.line, reason: reason, &summary) }
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
      let reason = "there is another order '\(draft.id)' already, with other contents"
      for row in draft.rows { try reject(line: row.line, reason: reason, &summary) }
      return
    }
    summary.rowsAccepted += draft.rows.count
    summary.total = try summary.total.adding(draft.total)
  }

  private func reject(line: Int, reason: String, _ summary: inout ImportSummary) throws {
    summary.rowsRejected += 1
    try rejected.add(line: line, reason: reason)
  }

  private func showProgress(_ progress: inout ProgressLine, _ summary: ImportSummary) {
    let seconds = max(progress.elapsed, 0.001)
    progress.show(
      "\(grouped(summary.rowsRead)) rows, \(grouped(Int(Double(summary.rowsRead) / seconds))) "
        + "rows/s, \(grouped(summary.ordersPlaced + summary.ordersFound)) orders",
      fraction: input.size.map { Double(input.offset) / Double(max($0, 1)) })
  }
}
