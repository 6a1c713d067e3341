import FaultScenarios
import Testing

/// The program in `Examples` that is no package of its own, as a newcomer runs it.
@Suite(.timeLimit(.minutes(5))) struct ExampleTests {
  @Test func theSmallestProgramRuns() async throws {
    let pipeline = try Pipeline()
    let (code, output) = try await pipeline.run("counter")
    #expect(code == 0 && output == "there are only 5 pears\nthe sum is 12\n", "\(output)")
  }
}
