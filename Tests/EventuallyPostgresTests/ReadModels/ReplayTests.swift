import Eventually
import EventuallySQLite
import Foundation
import Testing

@testable import EventuallyPostgres

/// Replays in a database: the same machine as over files, of which `EventuallySQLiteTests` plays more.
@Suite(.timeLimit(.minutes(5))) struct ReplayTests {
  private let test: TestCatalog
  private let store: SQLiteEventStore<JSONEventCodec<Int64>>
  private let path: String

  init() async throws {
    test = try await TestCatalog()
    path = FileManager.default.temporaryDirectory.appending(path: "replay-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    store = try SQLiteEventStore(
      path: "\(path)/store.sqlite", codec: JSONEventCodec<Int64>(),
      options: .init(partitionCount: 4))
  }

  private func write(_ count: Int64) async throws {
    for number in 0..<count {
      _ = try await store.append([number], to: "stream-\(number % 10)", expecting: .any)
    }
  }

  private func project() async throws {
    let live = try await test.catalog.openLive(
      Totals(), codec: JSONEventCodec<Int64>(), storeID: store.storeID, partitionCount: 4,
      parkingLimit: 10)
    try await ReplayDriver<Totals>(live.store, codec: JSONEventCodec<Int64>(), log: store.log)
      .run(through: try await store.log.heads())
  }

  private func record(_ generation: Int) async throws -> ReplayRecord {
    try #require(try await test.catalog.generation(generation).note.flatMap { ReplayRecord($0) })
  }

  @Test func itIsComparedRecordedAndMadeLive() async throws {
    try await write(30)
    try await project()
    try await test.run("UPDATE totals SET total = total + 1 WHERE id < 'stream-5'")
    var options = ReplayOptions()
    (options.isSwitching, options.differenceLimit) = (false, 3)
    let outcome = try await Replay(
      "again", in: test.catalog, model: Totals(), codec: JSONEventCodec<Int64>(), log: store.log,
      options: options, base: { nil }
    ).run()
    #expect(outcome == .built)
    let built = try await record(2)
    #expect(built.state == .built && built.applied == 30 && built.total == 30, "\(built)")
    let comparison = try #require(built.comparison)
    #expect(comparison.differenceCount == 5 && comparison.differences.count == 3)
    #expect(comparison.columns == ["totals": ["id", "total", "note"]])
    #expect(comparison.differences[0].key.map(\.column) == [.text("stream-0")])
    #expect(comparison.differences[0].live?.map(\.column) == [.integer(31), .null])
    #expect(try await test.catalog.generation(2).note?.age ?? .seconds(99) < .seconds(60))

    try await write(20)
    try await project()
    let switched = try await Replay(
      makingLive: 2, in: test.catalog, model: Totals(), codec: JSONEventCodec<Int64>(),
      log: store.log
    ).run()
    #expect(switched == .live(replaced: 1))
    #expect(try await test.catalog.liveGeneration() == 2)
    #expect(try await test.catalog.events(in: 2) == 50)
    #expect(try await record(2).state == .live)
    await test.close()
    try FileManager.default.removeItem(atPath: path)
  }

  @Test func aReplayFromAnotherStoreIsRefused() async throws {
    try await write(30)
    try await project()
    let other = try SQLiteEventStore(
      path: "\(path)/other.sqlite", codec: JSONEventCodec<Int64>(),
      options: .init(partitionCount: 4))
    let error = await #expect(throws: ReadModelError.self) {
      _ = try await Replay(
        "again", in: test.catalog, model: Totals(), codec: JSONEventCodec<Int64>(), log: other.log,
        base: { nil })
    }
    if case .otherStore(_, store.storeID, other.storeID)? = error {
    } else {
      Issue.record("\(String(describing: error))")
    }
    #expect(try await test.catalog.list().map(\.number) == [1])
    await test.close()
    try FileManager.default.removeItem(atPath: path)
  }
}
