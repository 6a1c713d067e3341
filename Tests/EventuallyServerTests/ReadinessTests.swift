import Foundation
import HTTPTypes
import Testing

@testable import Eventually
@testable import EventuallyKafka
@testable import EventuallyServer

/// A port of this machine where connections are taken and nothing is ever said.
private final class SilentServer: Sendable {
  let port: UInt16
  private let descriptor: Int32

  init() throws {
    #if canImport(Darwin)
      descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #else
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let (descriptor, length) = (descriptor, size)
    let isListening = withUnsafeMutablePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 16) == 0
          && getsockname(descriptor, $0, &size) == 0
      }
    }
    guard isListening else { throw Failure("there is no free port") }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    port = UInt16(bigEndian: address.sin_port)
  }

  deinit { close(descriptor) }

  /// How many have connected since this was asked last.
  func connections() -> Int {
    var count = 0
    while case let accepted = accept(descriptor, nil, nil), accepted >= 0 {
      close(accepted)
      count += 1
    }
    return count
  }
}

/// What a worker says of whether it is ready.
@Suite(.timeLimit(.minutes(1))) struct ReadinessTests {
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
