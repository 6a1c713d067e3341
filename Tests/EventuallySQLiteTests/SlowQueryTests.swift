import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

/// A query that takes long holds up no look-up, and ends when its time is up.
@Suite(.timeLimit(.minutes(5))) struct SlowQueryTests {
  /// It does not end by itself.
  private static let endless =
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"

  private let folder: TemporaryFolder
  private let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("words.sqlite")
    _ = try ReadModelDatabase(
      path: path, model: WordModel(), codec: TextCodec(), storeID: "s", partitionCount: 1)
  }

  @Test func slowQueriesHoldUpNoLookUp() async throws {
    let reader = try ReadModelReader(path: path, model: WordModel(), readers: 2)
    let (released, ended) = (Count(), Count())
    let slow = (0..<6).map { _ in
      Task {
        try await reader.read { _ in
          // On the connection's own thread, until all look-ups are answered.
          let deadline = ContinuousClock.now + .seconds(120)
          while released.value == 0, ContinuousClock.now < deadline { usleep(1_000) }
          ended.add()
        }
      }
    }
    for _ in 0..<4 {
      #expect(try await reader.lookUp { try $0.integer("SELECT count(*) FROM words") } == 0)
      #expect(try await reader.checkpoints().isEmpty)
    }
    #expect(ended.value == 0)
    released.add()
    for task in slow { try await task.value }
  }

  @Test func aQueryEndsWhenItsTimeIsUp() async throws {
    let reader = try ReadModelReader(
      path: path, model: WordModel(), readers: 2, timeLimit: .seconds(1))
    await #expect {
      try await reader.read { try $0.integer(Self.endless) }
    } throws: { error in
      guard case .timeLimit(.seconds(1), _)? = error as? ReadModelError else { return false }
      return true
    }
    // The connections are of use after that.
    for _ in 0..<4 {
      #expect(try await reader.read { try $0.integer("SELECT count(*) FROM words") } == 0)
    }
  }

  @Test func aCallGoesToAConnectionThatIsFree() async throws {
    let pool = try SQLiteReaderPool(path: path, count: 2)
    let (begun, released, ended) = (Count(), Count(), Count())
    let slow = Task {
      try await pool.read { _ in
        begun.add()
        // On the connection's own thread, until all others are done.
        let deadline = ContinuousClock.now + .seconds(60)
        while released.value == 0, ContinuousClock.now < deadline { usleep(1_000) }
        ended.add()
      }
    }
    let deadline = ContinuousClock.now + .seconds(60)
    while begun.value == 0, ContinuousClock.now < deadline {
      try await Task.sleep(for: .milliseconds(1))
    }
    for _ in 0..<10 { #expect(try await pool.read { try $0.integer("SELECT 1") } == 1) }
    #expect(begun.value == 1 && ended.value == 0)
    released.add()
    try await slow.value
  }
}
