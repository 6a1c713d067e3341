import ArgumentParser
import Eventually
import EventuallyCommand
import EventuallyServer

/// `writer import`
struct ImportCommand: ServiceCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Import invoices from a CSV file in the layout of the data set Online Retail.",
    discussion: """
      Each invoice becomes one order. The file may be compressed with gzip; '-' is standard input. Columns: \
      InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country, in any order.

      The import may be killed and run again at any point: what is there already is found, not placed \
      again. The rows of an invoice need not stand together, but at most 256 other invoices may lie \
      between them. Customer, country and time are those of its first row; a row with another customer or country, or \
      a time more than an hour away, is rejected.

      Rows that can't be imported go to a file, with their line numbers and the reasons; the summary accounts for \
      every line, row and invoice. A row has at most \(CSVReader.maximumRowBytes) bytes and \
      \(CSVReader.maximumRowLines) lines. A line with a quote that is not closed within that, or not followed by a comma \
      where it is closed, is a rejected row, and reading goes on at the next line. An invoice that the writer refuses, \
      or that another order has the number of, is rejected, and the others are placed.

      Exit codes: 0, imported, though single rows may have been rejected; 1, it failed, or rows were not CSV, or \
      invoices were refused; 64, the command line is wrong; 130 and 143, stopped by SIGINT or SIGTERM before the end.
      """)

  @Argument(help: ArgumentHelp("The CSV file.", valueName: "file"))
  var file: String
  @Option(
    help: ArgumentHelp("Where rejected rows go.", valueName: "file"))
  var rejected = "rejected-rows.csv"
  @OptionGroup var target: TargetOptions
  @OptionGroup var writer: WriterOptions
  @OptionGroup var log: LogOptions

  func run() async throws {
    // Before anything is started: a file that can't be read is to change nothing.
    let input = try InputFile(file)
    let complaint = Complaint()
    try await target.withSink(writer, logger: log.logger("writer")) { [rejected] sink in
      let rejected = try RejectedRows(path: rejected)
      let summary = try await Importer(input: input, sink: sink, rejected: rejected).run()
      try Output.standard.lines(summary.text)
      if rejected.count > 0 { try Output.standard.line("rejected rows are in \(rejected.path)") }
      try Output.standard.flush()
      complaint.text.withLock { $0 = summary.complaint }
    }
    // Only now: what could be placed has been published by then.
    if let text = complaint.text.withLock({ $0 }) {
      throw Failure("\(text): see \(rejected)")
    }
  }

  private final class Complaint: Sendable {
    let text = Locked<String?>(nil)
  }
}
