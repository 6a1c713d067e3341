import EventuallyTesting
import Foundation
import HTTPTypes
import Testing

@testable import Eventually
@testable import EventuallyKafka
@testable import EventuallyServer

/// What a worker says of whether it is ready.
@Suite(.timeLimit(.minutes(5))) struct ReadinessTests {
  /// To connect alone may take ten seconds; whoever asks for readiness does not wait for that, and asks for no connection of his own.
  @Test func aDatabaseThatDoesNotAnswerIsToldSoon() async throws {
    let silent = try SilentServer()
    let definition = try #require(try ApplicationModel(Bank()).readModel("owners"))
    let database = ReadModelLocation(
      "postgres://bank@127.0.0.1:\(silent.port)/bank?sslmode=disable&gssencmode=disable")
    var status = SubscriptionStatus()
    status.partitions = [
      0: .init(epoch: 1, position: 1, phase: .fenced),
      1: .init(epoch: 1, position: 1, phase: .fenced, isAheadOfCheckpoint: true),
    ]
    let readiness = WorkerReadiness(
      name: "owners", adminCommand: "bank", owner: "w",
      feed: FeedSource("http://127.0.0.1:1"),
      source: OpenedReadModel(definition.catalog(in: database), timeLimit: nil),
      running: { [status] in
        RunningWorker(
          subscription: { status }, projector: { ReadModelProjectorStatus() }, left: { [] },
          partitions: 2)
      })
    let begin = ContinuousClock.now
    try await withThrowingTaskGroup(of: (Int, String).self) { group in
      for _ in 0..<5 {
        group.addTask {
          let answer = try await readiness.operation.handler(APIRequest(.get, "/readyz"))
          return (answer.status.code, String(decoding: answer.bytes, as: UTF8.self))
        }
      }
      for try await (code, body) in group {
        #expect(code == 503, "\(body)")
        #expect(body.contains("the read model's database does not answer"), "\(body)")
        #expect(body.contains("partition 0 was taken over by another worker"), "\(body)")
        #expect(body.contains("of partition 1 was taken back by a crash"), "\(body)")
      }
    }
    let time = ContinuousClock.now - begin
    #expect(time >= .seconds(1), "\(time)")
    #expect(silent.connections() == 1)
  }
}
