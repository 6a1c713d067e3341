@testable import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

/// A replay from another store than the live generation's: nothing of it may take that one's place.
@Suite(.timeLimit(.minutes(5))) struct OtherStoreTests {
  private let folder: TemporaryFolder
  private let store: TextStore
  private let other: TextStore
  private let directory: ReadModelDirectory

  init() throws {
    folder = try TemporaryFolder()
    store = try TextStore(
      path: folder.file("store.sqlite"), codec: TextCodec(), options: .init(partitionCount: 4))
    other = try TextStore(
      path: folder.file("other.sqlite"), codec: TextCodec(), options: .init(partitionCount: 4))
    directory = ReadModelDirectory(folder.file("words"), model: WordModel())
  }

  private func replay(
    _ log: any EventLog, isSwitching: Bool = true, base: Savepoint? = nil
  ) async throws -> Replay<WordModel> {
    var options = ReplayOptions()
    options.isSwitching = isSwitching
    return try await Replay(
      "again", in: directory, model: WordModel(), codec: TextCodec(), log: log, options: options
    ) { base }
  }

  private func build() async throws {
    for log in [store, other] {
      _ = try await log.append(["one", "two"], to: "stream", expecting: .any)
    }
    _ = try await replay(store.log).run()
  }

  /// Expects a refusal that names both stores.
  private func expectRefusal(_ body: () async throws -> Void) async throws {
    let error = await #expect(throws: ReadModelError.self) { try await body() }
    guard case .otherStore(_, store.storeID, other.storeID)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(arguments: [true, false]) func isRefusedBeforeAnythingIsBuilt(isSwitching: Bool)
    async throws
  {
    try await build()
    try await expectRefusal { _ = try await replay(other.log, isSwitching: isSwitching) }
    #expect(try directory.list().map(\.number) == [1])
    #expect(directory.live() == 1)
  }

  @Test func aSavepointOfAnotherStoreIsRefused() async throws {
    try await build()
    let savepoint = try directory.saveSavepoint("saved", of: WordModel())
    try FileManager.default.removeItem(atPath: directory.livePath)
    try await expectRefusal { _ = try await replay(other.log, base: savepoint) }
    #expect(try directory.list().map(\.number) == [1])
  }

  @Test func aGenerationIsNotMadeLiveByAnotherStore() async throws {
    try await build()
    _ = try await replay(store.log, isSwitching: false).run()
    try await expectRefusal {
      _ = try await Replay(
        makingLive: 2, in: directory, model: WordModel(), codec: TextCodec(), log: other.log)
    }
    try await expectRefusal { try await directory.check(2, isOf: other.log) }
    try await directory.check(2, isOf: store.log)
    #expect(directory.live() == 1)
  }

  @Test func anotherNumberOfPartitionsIsRefused() async throws {
    try await build()
    let log = EmptyLog(storeID: store.storeID, partitionCount: 8)
    await #expect(throws: ReadModelError.self) { try await replay(log) }
    #expect(try directory.list().map(\.number) == [1])
  }
}
