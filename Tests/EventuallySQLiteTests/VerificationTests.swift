@testable import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

/// What `verify` finds, and what it can't compare.
@Suite struct VerificationTests {
  private let folder: TemporaryFolder
  private let store: TextStore
  private let directory: ReadModelDirectory

  init() throws {
    folder = try TemporaryFolder()
    store = try TextStore(
      path: folder.file("store.sqlite"), codec: TextCodec(), options: .init(partitionCount: 4))
    directory = ReadModelDirectory(folder.file("words"), model: WordModel())
  }

  private func write(_ words: String..., to stream: String) async throws {
    _ = try await store.append(words, to: stream, expecting: .any)
  }

  private func project(_ model: some ReadModel<String> = WordModel()) async throws {
    let live = try await LiveReadModel.open(
      directory, model: model, codec: TextCodec(), storeID: store.storeID, partitionCount: 4)
    let subscription = LogSubscription(
      store.log, codec: TextCodec(), checkpoints: live, partitions: [0, 1, 2, 3],
      through: try await store.log.heads(), owner: "test")
    await ReadModelProjector(
      subscription, into: live,
      parking: RetryPolicy(
        attempts: 1, firstPause: .milliseconds(1), longestPause: .milliseconds(1))
    ).run()
  }

  private func verify() async throws -> VerificationOutcome {
    let scratch = folder.file("scratch-\(UUID().uuidString)")
    try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
    return try await ReadModelVerification(
      directory, model: WordModel(), codec: TextCodec(), log: store.log, scratch: scratch
    ).verify()
  }

  @Test func whatIsParkedIsLeftOut() async throws {
    for number in 0..<10 { try await write("word", "word", to: "stream-\(number)") }
    try await write("fine", "poison", "more", to: "bad")
    try await project()
    try await write("later", to: "stream-1")
    let outcome = try await verify()
    #expect(outcome.isRight, "\(outcome)")
    #expect(outcome.parked == 2 && outcome.events == 21 && outcome.lag == 1)
    #expect(outcome.rows == 13 && outcome.path == directory.path(of: 1))
    try SQLiteConnection(path: directory.livePath, mode: .readWrite).execute(
      "UPDATE words SET count = 99 WHERE word = 'word'")
    let wrong = try await verify()
    #expect(!wrong.isRight && wrong.differenceCount == 1 && wrong.digest != outcome.digest)
  }

  /// As other code applied it: the fold comes no further with the stream.
  @Test func whatTheFoldFailsOnIsTold() async throws {
    struct Lenient: ReadModel {
      let name = "words"
      let schemaVersion = 1
      let tables = WordModel().tables
      func project(_ event: Persisted<String, String>, into rows: Rows) throws {}
      func forget(_ streamID: String, in rows: Rows) throws {}
    }
    try await write("poison", to: "bad")
    try await project(Lenient())
    let outcome = try await verify()
    #expect(outcome.parkedByFold.map(\.streamID) == ["bad"])
    #expect(!outcome.isRight && outcome.differenceCount == 0)
  }

  @Test func aRemovalThatIsStillToComeIsTold() async throws {
    try await write("word", to: "gone")
    try await project()
    try await store.remove("gone")
    let error = await #expect(throws: VerificationError.self) { try await verify() }
    guard case .removedTooLate("gone", "words")? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    // Once it has come to the removal, the two can be compared.
    try await project()
    #expect(try await verify().lag == 0)
  }

  @Test func aStoreThatEndsBeforeTheReadModelIsTold() async throws {
    try await write("word", to: "a")
    try await project()
    try SQLiteConnection(path: directory.livePath, mode: .readWrite).execute(
      "UPDATE checkpoints SET position = 5")
    let error = await #expect(throws: VerificationError.self) { try await verify() }
    guard case .storeBehind("words")? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func aReadModelOfAnotherStoreIsTold() async throws {
    try await project()
    try SQLiteConnection(path: directory.livePath, mode: .readWrite).execute(
      "UPDATE readmodel SET value = 'other' WHERE key = 'store_id'")
    await #expect(throws: ReadModelError.self) { try await verify() }
  }

  @Test func aLatePartitionIsToldWithItsCause() async throws {
    try await write("word", to: "a")
    try await project()
    try await write("later", to: "a")
    let reader = try ReadModelReader(path: directory.livePath, model: WordModel(), readers: 1)
    let heads = try await store.log.heads()
    func late() async throws -> [LatePartition] {
      try await LatePartition.find(reader, in: store.log, heads: heads, codec: TextCodec())
    }
    let found = try await late()
    #expect(found.map(\.cause) == [nil] && found.first?.head == 2)
    #expect(found.first?.description { "\($0 == nil ? ": ask" : "")" }.hasSuffix(": ask") == true)
    try SQLiteConnection(path: folder.file("store.sqlite"), mode: .readWrite).execute(
      "UPDATE events SET type = 'Other' WHERE version = 2")
    guard case .held(let held)? = try await late().first?.cause else {
      Issue.record("\(try await late())")
      return
    }
    #expect(held.type == "Other" && held.position.partitionOffset == 2)
    #expect(held.description.contains("partition offset 2"))
    #expect(try await HeldPartition.find(reader, in: store.log, codec: TextCodec()) == [held])
  }
}
