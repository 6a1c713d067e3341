import ArgumentParser
import Eventually
import EventuallyCommand
import EventuallyServer

/// `writer simulate`
struct SimulateCommand: ServiceCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
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
  @OptionGroup var writer: WriterOptions
  @OptionGroup var log: LogOptions

  func validate() throws {
    guard rate == 0 || (0.001...1_000_000).contains(rate) else {
      throw ValidationError("--rate must be 0, or from 0.001 to 1000000")
    }
  }

  func run() async throws {
    let logger = log.logger("writer")
    try await target.withSink(writer, logger: logger) { [seed, orders, rate] sink in
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
