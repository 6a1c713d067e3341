public import ArgumentParser
import Eventually
import EventuallyKafka
import EventuallySQLite
import Foundation
import Logging
import Orders
import ServiceLifecycle

/// The command `writer`.
public struct WriterCommand: AsyncParsableCommand {
  /// How it is called, and what its help says.
  public static let configuration = CommandConfiguration(
    commandName: "writer",
    abstract: "Owns a store of orders: takes commands, appends events, publishes them to Kafka.",
    discussion: """
      One process at a time is the writer of a store. Events are durable in the store before a command is \
      answered, and a relay publishes them to the topic in order; while Kafka is away, commands go on and \
      the store is the backlog.
      """,
    subcommands: [Serve.self, Import.self, Simulate.self])

  /// The command.
  public init() {}

  /// `writer serve`
  struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Serve commands, orders and the event feed over HTTP, and publish.",
      discussion: """
        POST /orders/ID/create|add-item|complete|cancel   a command, in JSON
        POST /orders/ID/commands                          several commands, all or none
        GET  /orders/ID                                   an order
        DELETE /orders/ID                                 erase it for good, in the read models too
        GET  /orders/ID/removal                           whether anything of it is left in the store's files
        GET  /orders/ID/history                           its events
        GET  /events?partition=P&after=N&limit=L          the event feed, one event a line
        GET  /store                                       the store's id, partitions and heads
        GET  /healthz, /readyz, /metrics                  health, readiness and backlog, metrics
        GET  /openapi.json                                all of this for programs

        With a token, all but health, readiness, metrics and the document ask for it.

        SIGTERM and SIGINT stop it in order.
        """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var kafka: KafkaOptions
    @Option(
      help: ArgumentHelp(
        "What to do where it can't be told whether the topic's records are this store's: wait, or publish-anyway.",
        discussion: """
          The topic may be another store's, or hold events that this store does not have, because it was restored from an \
          older copy or because somebody forged records. Commands are taken all the while; /readyz tells the reason.
          """,
        valueName: "policy"))
    var topicConflict = TopicConflictPolicy.wait
    @OptionGroup var records: RecordOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var token: TokenOptions
    @OptionGroup var health: HealthOptions
    @OptionGroup var trace: TraceOptions
    @OptionGroup var log: LogOptions

    func run() async throws {
      try trace.begin()
      // What is counted before this would be counted nowhere.
      _ = PrometheusMetrics.shared
      let logger = log.logger("writer")
      let token = try token.token()
      let node = try WriterNode(
        store: store, kafka: kafka.configuration(), onConflict: topicConflict,
        recordLimit: records.maxRecordBytes?.value, heartbeats: health.heartbeats(), logger: logger)
      try await OrdersApp.run(
        node.services(
          listen: server.address(), addressFile: server.addressFile, token: token,
          origins: server.origins),
        logger: logger)
    }
  }

  /// How large records may be.
  struct RecordOptions: ParsableArguments {
    @Option(
      help: ArgumentHelp(
        "An event that takes more bytes as a record is refused before it is stored: HTTP 413.",
        discussion: """
          Where it is left out, it is the topic's max.message.bytes if the brokers tell it, else \(RecordLimit.brokerDefault). An \
          event that is in the store already, and that the brokers refuse, holds its partition: eventuallyctl skip.
          """,
        valueName: "bytes"), transform: Whole.init)
    var maxRecordBytes: Whole<1024, 16_777_216>?
  }

  /// How orders get to a store, for commands that bring many.
  struct TargetOptions: ParsableArguments {
    @Option(
      help: ArgumentHelp(
        "Send commands to the writer there. Without it, this process is the store's writer itself.",
        valueName: "http://host:port"))
    var url: String?

    @Option(
      help: ArgumentHelp(
        "How long to wait, at the end, for Kafka to have everything; without --url.",
        valueName: "seconds"), transform: Whole.init)
    var publishTimeout: Seconds = 60

    func validate() throws {
      if let url, HTTPEndpoint(url) == nil {
        throw ValidationError("--url '\(url)' is not http://host:port")
      }
    }
  }

  /// Runs `work` with a sink: a running writer, or one that this process is for as long.
  static func withSink(
    _ target: TargetOptions, store: StoreOptions, kafka: KafkaOptions, server: ServerOptions,
    token: TokenOptions, health: HealthOptions, logger: Logger,
    _ work: @escaping @Sendable (any OrderSink) async throws -> Void
  ) async throws {
    let token = try token.token()
    if let url = target.url, var endpoint = HTTPEndpoint(url) {
      endpoint.token = token?.text
      try await OrdersApp.run([], logger: logger) { [endpoint] in
        let sink = WriterSink(endpoint: endpoint)
        try await sink.check()
        try await work(sink)
      }
      return
    }
    let node = try WriterNode(
      store: store, kafka: kafka.configuration(), heartbeats: health.heartbeats(), logger: logger)
    let services = try node.services(
      listen: server.address(), addressFile: server.addressFile, token: token,
      origins: server.origins)
    try await OrdersApp.run(services, logger: logger) {
      try await work(StoreSink(store: node.store))
      try await waitUntilPublished(node, timeout: target.publishTimeout.seconds)
    }
  }

  private static func waitUntilPublished(
    _ node: WriterNode, timeout: Duration
  ) async throws {
    let head = node.store.head.position
    let isPublished = await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        if head > 0 { await node.publisher.published.wait(past: head - 1) }
        return !Task.isCancelled
      }
      group.addTask {
        // A cancelled pause means that the other task was first.
        try? await Task.sleep(for: timeout)
        return false
      }
      defer { group.cancelAll() }
      return await group.next() ?? false
    }
    try Task.checkCancellation()
    guard !isPublished else { return }
    let status = node.publisher.status
    throw Failure(
      "everything is in the store, but \(grouped(head - min(head, status.published))) events are "
        + "not published after \(timeout.components.seconds) s "
        + "(\(status.failure ?? status.phase.rawValue)): the next writer on this store publishes "
        + "them")
  }

  /// `writer import`
  struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
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
    @OptionGroup var store: StoreOptions
    @OptionGroup var kafka: KafkaOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var token: TokenOptions
    @OptionGroup var health: HealthOptions
    @OptionGroup var log: LogOptions

    func run() async throws {
      // Before anything is started: a file that can't be read is to change nothing.
      let input = try InputFile(file)
      let complaint = Complaint()
      try await withSink(
        target, store: store, kafka: kafka, server: server, token: token, health: health,
        logger: log.logger("writer")
      ) { [rejected] sink in
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

  /// `writer simulate`
  struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Place generated orders.",
      discussion: """
        The same seed gives the same orders under the same ids, so a simulation that was killed, or stopped by SIGINT or \
        SIGTERM (exit codes 130 and 143), can be run again.
        """)

    @Option(help: "How many orders.", transform: Whole.init)
    var orders: Whole<1, 1_000_000_000> = 1000
    @Option(help: "What the orders follow from.")
    var seed: UInt64 = 1
    @Option(help: "Orders a second, from 0.001 to 1000000; 0 is as fast as they are taken.")
    var rate = 0.0
    @OptionGroup var target: TargetOptions
    @OptionGroup var store: StoreOptions
    @OptionGroup var kafka: KafkaOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var token: TokenOptions
    @OptionGroup var health: HealthOptions
    @OptionGroup var log: LogOptions

    func validate() throws {
      guard rate == 0 || (0.001...1_000_000).contains(rate) else {
        throw ValidationError("--rate must be 0, or from 0.001 to 1000000")
      }
    }

    func run() async throws {
      let logger = log.logger("writer")
      try await withSink(
        target, store: store, kafka: kafka, server: server, token: token, health: health,
        logger: logger
      ) { [seed, orders, rate] sink in
        let simulator = Simulator(
          generator: OrderGenerator(seed: seed), sink: sink, orders: orders.value, rate: rate)
        let summary = try await simulator.run()
        try Output.standard.lines(
          """
          seed             \(seed)
          orders placed    \(grouped(summary.placed))
          orders found     \(grouped(summary.found))
          events appended  \(grouped(summary.eventsAppended))
          total completed  \(summary.total)
          """)
      }
    }
  }
}

extension TopicConflictPolicy: ExpressibleByArgument {}
