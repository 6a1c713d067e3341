import Eventually
import EventuallyTesting
import Testing

@testable import EventuallyPostgres

/// What workers do about a replica that is away.
@Suite(.timeLimit(.minutes(5))) struct ReplicaCheckTests {
  @Test func aReplicaThatDoesNotAnswerKeepsWorkersWaitingForAMoment() async throws {
    let url = try TestServer.shared.get().url()
    let silent = try SilentServer()
    func start(_ replica: String?) async throws -> Duration {
      let begun = ContinuousClock.now
      let database = try await PostgresReadModels(
        url, replica: replica, catalog: TestStores.schema())
      let taken = ContinuousClock.now - begun
      await database.close()
      return taken
    }
    var shortest = Duration.seconds(60)
    // A busy machine may be slow once.
    for _ in 0..<5 where shortest > .seconds(6) {
      let alone = try await start(nil)
      shortest = min(
        shortest, try await start("postgres://127.0.0.1:\(silent.port)/none") - alone)
    }
    #expect(silent.connections() > 0)
    #expect(shortest < .seconds(6), "\(shortest)")
  }
}
