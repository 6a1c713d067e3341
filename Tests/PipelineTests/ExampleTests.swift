import FaultScenarios
import Testing

/// The programs in `Examples`, as a newcomer runs them.
@Suite(.timeLimit(.minutes(5))) struct ExampleTests {
  @Test func theSmallestProgramRuns() async throws {
    let pipeline = try Pipeline()
    let (code, output) = try await pipeline.run("counter")
    #expect(code == 0 && output == "there are only 5 pears\nthe sum is 12\n", "\(output)")
  }

  @Test func theProgramWithSQLiteAndKafkaRuns() async throws {
    let pipeline = try Pipeline()
    // Which it ignores, as every program does that does not enable fault injection.
    let program = try await pipeline.start(
      "notes", [], environment: ["EVENTUALLY_FAULTS": "store.committed=kill"])
    let code = try await program.exitCode()
    let output = program.log
    #expect(code == 0 && output == "errand: 1\ntoday: 2\n", "\(output)")
  }
}
