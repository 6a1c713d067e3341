import Eventually
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer

/// Commands that apply events, one of which ends every process that applies it.
@Suite(.timeLimit(.minutes(5))) struct DeadlyEventTests {
  private let pipeline: Pipeline

  init() throws {
    pipeline = try Pipeline()
  }

  private func ctl(
    _ words: [String], deadly: Bool = false
  ) async throws -> (code: Int32, output: String) {
    let places = ["--store", pipeline.store, "--read-models", pipeline.readModels]
    let command = words.split(separator: "--", maxSplits: 1)
    let process = try await pipeline.start(
      "ordersctl",
      command[0] + places + (command.count > 1 ? ["--"] + command[1] : []),
      // Nine backtraces of a debug build take longer than all the rest.
      environment: deadly
        ? [
          FaultPlan.variable: "readmodel.project=trap:deadly", "SWIFT_BACKTRACE": "enable=no",
        ] : [:])
    return (try await process.exitCode(), process.log)
  }

  @Test func theEventIsNamedAndTheCommandDoesNotDieOfIt() async throws {
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    let (worker, _) = try await pipeline.startProjector(
      "sales", feed: writer.base, worker: "sales")
    for id in ["one", "deadly", "two"] {
      let order =
        #"{"commands":[{"create":{"country":"France"}},"#
        + #"{"addItem":{"sku":"A","quantity":1,"unitPrice":"10"}},{"complete":{}}]}"#
      #expect(try await writer.post("/orders/\(id)/commands", order).status == 200)
    }
    let wait = try await ctl(["wait", "sales", "--timeout", "60"])
    #expect(wait.code == 0, "\(wait.output) \(worker.log)")
    #expect(try await ctl(["verify", "sales"]).code == 0)

    let verify = try await ctl(["verify", "sales"], deadly: true)
    #expect(verify.code == 1)
    for words in [
      "by signal", "the fold leaves out the stream 'deadly'", "ended the process 3 times",
      "DIFFERS",
    ] { #expect(verify.output.contains(words), "\(verify.output)") }

    let asOf = try await ctl(
      ["as-of", "sales", "--sequence", "9", "--", "/sales/countries"], deadly: true)
    #expect(asOf.code == 0 && asOf.output.contains(#""orders":2"#), "\(asOf.output)")
    #expect(asOf.output.contains("without the stream 'deadly'"), "\(asOf.output)")

    let replay = try await ctl(["replay", "sales", "--from", "zero", "--no-switch"], deadly: true)
    #expect(replay.code == 0 && replay.output.contains("DIFFERENT"), "\(replay.output)")
    #expect(replay.output.contains("parked: the stream 'deadly'"), "\(replay.output)")

    // A stop that comes from outside is no event's fault.
    let stopped = try await pipeline.start(
      "ordersctl",
      ["verify", "sales", "--store", pipeline.store, "--read-models", pipeline.readModels],
      environment: [FaultPlan.variable: "readmodel.applying=stop"])
    #expect(try await stopped.stop() == 143, "\(stopped.log)")
    #expect(try await worker.stop() == 0)
    #expect(try await pipeline.writer?.stop() == 0)
  }
}
