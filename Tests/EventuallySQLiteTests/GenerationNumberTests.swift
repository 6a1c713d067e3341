@testable import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

/// A number is given once: SQLite finds a database's log by its name.
@Suite struct GenerationNumberTests {
  private let folder: TemporaryFolder
  private let directory: ReadModelDirectory

  init() throws {
    folder = try TemporaryFolder()
    directory = ReadModelDirectory(folder.file("words"), model: WordModel())
  }

  private func live() async throws -> LiveReadModel<WordModel> {
    try await LiveReadModel.open(
      directory, model: WordModel(), codec: TextCodec(), storeID: "s", partitionCount: 2)
  }

  private func replay(_ request: String) async throws -> Int {
    let replay = try await Replay(
      request, in: directory, model: WordModel(), codec: TextCodec(),
      log: EmptyLog(storeID: "s", partitionCount: 2)
    ) { nil }
    try await replay.end()
    return replay.generation
  }

  private func files() throws -> [String] {
    try directory.fileNames(in: directory.path).filter { $0.hasPrefix("generation-") }.sorted()
  }

  @Test func aNumberIsNotGivenAgain() async throws {
    let worker = try await live()
    #expect(try await replay("one") == 2)
    try directory.drop(2)
    #expect(try await replay("two") == 3)
    try directory.drop(3)
    #expect(try await replay("three") == 4)
    #expect(try directory.generations() == [1, 4])
    withExtendedLifetime(worker) {}
  }

  /// What a version did that noted no numbers, and was killed in the middle of dropping one.
  @Test func leftoversAreRemovedAndTheirNumbersKept() async throws {
    let first = try await live()
    for name in ["generation-7.sqlite-wal", "generation-7.sqlite-shm", "generation-9.sqlite-crash"]
    {
      try Data("left".utf8).write(to: URL(filePath: "\(directory.path)/\(name)"))
    }
    // Names that are not ours stay.
    try Data().write(to: URL(filePath: "\(directory.path)/generation-99999999999999999999.sqlite"))
    withExtendedLifetime(first) {}
    _ = try await live()
    #expect(try !files().contains { $0.contains("-7.") || $0.contains("-9.") })
    #expect(try await replay("one") == 10)
  }

  @Test func aDropTakesAllFilesWhileTheyAreOpen() async throws {
    _ = try await live()
    _ = try await replay("one")
    let open = try SQLiteConnection(path: directory.path(of: 2), mode: .readWrite)
    try open.execute("CREATE TABLE more (x)")
    #expect(try files().contains("generation-2.sqlite-wal"))
    try directory.drop(2)
    #expect(try !files().contains { $0.hasPrefix("generation-2.") })
    // Whoever still has it open may make its log anew; the next start removes that.
    try Data().write(to: URL(filePath: "\(directory.path(of: 2))-wal"))
    _ = try await live()
    #expect(try !files().contains { $0.hasPrefix("generation-2.") })
    withExtendedLifetime(open) {}
  }

  @Test func aLiveGenerationWhoseFileIsGoneGetsAnotherNumber() async throws {
    let worker = try await live()
    #expect(unlink(directory.path(of: 1)) == 0)
    #expect(try await worker.hasMoved())
    _ = try await worker.claim([0], owner: "w")
    #expect(worker.generation == 2 && directory.live() == 2)
    #expect(try !files().contains { $0.hasPrefix("generation-1.") })
  }
}
