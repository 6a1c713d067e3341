import Eventually
import EventuallySQLite
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer
@testable import Orders

/// Imports as processes: what files and writers may do to them.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ImportProcessTests {
  private static let header =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"

  private let pipeline: Pipeline

  init() throws {
    pipeline = try Pipeline()
  }

  private func row(
    _ invoice: String, description: String = "d", customer: String = "1"
  ) -> String {
    "\(invoice),s,\(description),1,2011-01-01 10:00:00,1.00,\(customer),X\n"
  }

  private func file(_ name: String, _ text: String) throws -> String {
    let path = pipeline.file(name)
    try Data(text.utf8).write(to: URL(filePath: path))
    return path
  }

  private func arguments(_ csv: String, url: String?) -> [String] {
    var words = ["import", csv, "--rejected", pipeline.file("rejected.csv")]
    if let url {
      words += ["--url", url]
    } else {
      words += [
        "--store", pipeline.store, "--brokers", pipeline.brokers, "--listen", "127.0.0.1:0",
      ]
    }
    return words
  }

  private func figure(_ name: String, _ log: String) -> Int? {
    log.split(separator: "\n").first { $0.hasPrefix(name) }?
      .split(separator: " ").last.flatMap { Int($0.replacing(",", with: "")) }
  }

  private func rejected() throws -> String {
    try String(contentsOfFile: pipeline.file("rejected.csv"), encoding: .utf8)
  }

  /// A stray quote in line 3 of 20,003, and one in the last line: each costs its line, the rest is imported, and the exit code tells.
  @Test func aStrayQuoteDoesNotSwallowTheFile() async throws {
    try await pipeline.startBroker(partitions: 12)
    var text = Self.header + row("1")
    text += "2,s,\"12\"\" RULER,1,2011-01-01 10:00:00,1.00,1,X\n"
    for line in 4...20_003 { text += row("\(line / 20)") }
    text += "9999999,s,\"open,1,2011-01-01 10:00:00,1.00,1,X\n"
    let process = try await pipeline.start("writer", arguments(try file("a.csv", text), url: nil))
    let code = try await process.exitCode()
    #expect(code == 1 && process.log.contains("2 rows are not CSV"), "\(process.log)")
    #expect(figure("lines read", process.log) == 20_004, "\(process.log)")
    #expect(figure("lines of rows", process.log) == 20_003)
    #expect(figure("header, blank", process.log) == 1)
    #expect(figure("rows read", process.log) == 20_003)
    #expect(figure("rows accepted", process.log) == 20_001)
    #expect(figure("rows rejected", process.log) == 2)
    let lines = try rejected().split(separator: "\n").map { $0.prefix { $0 != "," } }
    #expect(lines == ["line", "3", "20004"], "\(lines)")
  }

  /// A file that is small on disk and has one line of 400 MB is read in bounded memory.
  @Test(arguments: ["\"", ""]) func aCompressedBombIsReadInBoundedMemory(quote: String) async throws
  {
    try await pipeline.startBroker(partitions: 12)
    let path = pipeline.file("bomb.csv.gz")
    let script =
      "{ printf '%s1,s,%s' \"$1\" \"$2\"; head -c 400000000 /dev/zero | tr '\\0' a; printf '\\n%s' \"$3\"; } | gzip -1 > \"$0\""
    let gzip = try await RunningProcess.start(
      "/bin/bash", ["-c", script, path, Self.header, quote, row("2")],
      log: pipeline.file("gzip.log"))
    #expect(try await gzip.exitCode() == 0, "\(gzip.log)")
    let process = try await pipeline.start("writer", arguments(path, url: nil))
    var peak = 0
    try await waitUntil("the end", within: .seconds(120), seen: { process.log }) {
      let status =
        (try? String(contentsOfFile: "/proc/\(process.processID)/status", encoding: .utf8)) ?? ""
      let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM") }
      peak = max(peak, line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0)
      return !process.isRunning
    }
    #expect(try await process.exitCode() == 1, "\(process.log)")
    #expect(figure("orders placed", process.log) == 1, "\(process.log)")
    #expect(figure("rows not CSV", process.log) == 1, "\(process.log)")
    #expect(peak > 0 && peak < 150_000, "\(peak) kB")
  }

  /// An invoice that the writer does not take is rejected with its rows; the others are placed, and the next run finds them.
  @Test func aRefusedInvoiceIsRejectedAndTheRestGoesOn() async throws {
    try await pipeline.startBroker(partitions: 12)
    let writer = try await pipeline.startWriter()
    #expect(try await writer.post("/orders/2/create", #"{"country":"Y"}"#).status == 200)
    var text = Self.header + row("1") + row("2")
    // More than a body may have.
    for _ in 0..<5000 { text += row("3", description: String(repeating: "d", count: 990)) }
    text += row("4", customer: "7") + row("4", customer: "8") + row("5")
    let csv = try file("a.csv", text)
    for run in 1...2 {
      let process = try await pipeline.start("writer", arguments(csv, url: writer.base))
      let code = try await process.exitCode()
      #expect(code == 1 && process.log.contains("2 invoices were refused"), "\(process.log)")
      #expect(figure("invoices refused", process.log) == 2)
      #expect(figure(run == 1 ? "orders placed" : "orders found", process.log) == 3)
      #expect(figure(run == 1 ? "orders found" : "orders placed", process.log) == 0)
      #expect(figure("rows accepted", process.log) == 3)
      #expect(figure("rows rejected", process.log) == 5002)
      let rejected = try rejected()
      #expect(rejected.contains("3,\"there is another order '2' already"))
      #expect(rejected.contains("4,\"the invoice was refused, 413: "), "\(rejected.prefix(500))")
      #expect(rejected.contains("\"the invoice has, in line 5004, the customer '7', here '8'\""))
    }
    #expect(try await pipeline.writer?.stop() == 0)
  }

  /// SIGKILL between orders, then a run that a dead writer ends, then one to the end: just what is missing is placed.
  @Test func anImportOverHTTPIsRunAgainUntilItIsDone() async throws {
    try await pipeline.startBroker()
    var writer = try await pipeline.startWriter("--partitions", "4")
    let sample = sampleCSV(invoices: 300)
    let csv = try file("a.csv", sample.text)
    let killed = try await pipeline.start(
      "writer", arguments(csv, url: writer.base),
      environment: [FaultPlan.variable: "import.placed=kill@40"])
    #expect(try await killed.exitCode() == 128 + SIGKILL, "\(killed.log)")
    // What the killed import had sent is carried out before the writer ends.
    #expect(try await pipeline.writer?.stop() == 0)
    writer = try await pipeline.startWriter()
    let before = await pipeline.head()
    #expect(before > 0)
    let streams = try await SQLiteEventLog(path: pipeline.store, readers: 1).streamCount()
    // Somebody else's server, where the writer was.
    let lost = try await pipeline.start("writer", arguments(csv, url: "\(writer.base)/nowhere"))
    #expect(try await lost.exitCode() == 1 && lost.log.contains("no writer"), "\(lost.log)")
    #expect(await pipeline.head() == before)
    // The writer is away for a while: the import waits for it.
    try #require(pipeline.writer).kill()
    let importing = try await pipeline.start("writer", arguments(csv, url: writer.base))
    writer = try await pipeline.startWriter()
    #expect(try await importing.exitCode() == 0, "\(importing.log)")
    #expect(figure("orders found", importing.log) == streams, "\(importing.log)")
    #expect(figure("rows rejected", importing.log) == sample.rejected)
    let total = try await SQLiteEventLog(path: pipeline.store, readers: 1).streamCount()
    #expect(figure("orders placed", importing.log) == total - streams)
    #expect(
      figure("events appended", importing.log).map { UInt64($0) } == (await pipeline.head())
        - before)
    #expect(try await pipeline.writer?.stop() == 0)
  }
}
