import Eventually
import EventuallyTesting
import Testing

@testable import EventuallyPostgres

/// What workers do about a replica that is away.
@Suite(.timeLimit(.minutes(2))) struct ReplicaCheckTests {
  @Test func aReplicaThatDoesNotAnswerKeepsWorkersWaitingForAMoment() async throws {
    let url = try TestServer.shared.get().url()
    let silent = try SilentServer()
    var shortest = Duration.seconds(60)
    // A busy machine may be slow once.
    for _ in 0..<3 where shortest > .seconds(8) {
      let start = ContinuousClock.now
      let database = try await PostgresReadModels(
        url, replica: "postgres://127.0.0.1:\(silent.port)/none", catalog: TestStores.schema())
      shortest = min(shortest, .now - start)
      await database.close()
    }
    #expect(silent.connections() > 0)
    #expect(shortest < .seconds(8), "\(shortest)")
  }
}
