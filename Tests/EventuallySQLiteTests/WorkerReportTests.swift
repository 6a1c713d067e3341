import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallySQLite

@Suite struct WorkerReportTests {
  private func directory(_ folder: TemporaryFolder) throws -> ReadModelDirectory {
    let directory = ReadModelDirectory(folder.file("words"), model: WordModel())
    _ =
      try directory.openLive(
        WordModel(), codec: TextCodec(), storeID: "store", partitionCount: 4, parkingLimit: 10)
      as LiveGeneration<String>
    return directory
  }

  @Test func reportsAreReadByOthers() async throws {
    let folder = try TemporaryFolder()
    let directory = try directory(folder)
    try await WorkerReportsContract.holds(of: 1) { directory.makeReports() }
  }

  @Test func reportsAreBounded() async throws {
    let folder = try TemporaryFolder()
    try await WorkerReportsContract.isBounded(of: 1, try directory(folder).makeReports())
  }

  @Test func reportsOfEarlierVersionsGoOn() async throws {
    let folder = try TemporaryFolder()
    let directory = try directory(folder)
    try await WorkerReportsContract.goesOnWithoutRetries(of: 1) {
      directory.makeReports()
    } dropRetries: {
      try SQLiteConnection(path: folder.file("words/workers.sqlite"), mode: .readWrite)
        .execute("DROP TABLE retried_events")
    }
  }

  /// A damaged file is begun anew, also under readers and other writers.
  @Test func aDamagedFileIsBegunAnew() async throws {
    let folder = try TemporaryFolder()
    let directory = try directory(folder)
    let (writer, other, reader) = (
      directory.makeReports(), directory.makeReports(), directory.makeReports()
    )
    var report = WorkerReport()
    report.generation = 1
    try await writer.report(report, of: "one", applied: [])
    try await other.report(report, of: "two", applied: [])
    #expect(try await reader.workers().count == 2)
    let path = folder.file("words/workers.sqlite")
    for suffix in ["-wal", "-shm"] { try FileManager.default.removeItem(atPath: path + suffix) }
    try Data(repeating: 7, count: 8_192).write(to: URL(filePath: path))
    await #expect(throws: ReadModelError.self) {
      try await directory.makeReports().report(report, of: "three", applied: [])
    }
    try await other.report(report, of: "two", applied: [])
    try await writer.report(report, of: "one", applied: [])
    #expect(try await reader.workers().map(\.name) == ["one", "two"])
  }

  /// Queries and their caches see no change where workers only report.
  @Test func aReportIsNoChangeOfTheReadModel() async throws {
    let folder = try TemporaryFolder()
    let directory = try directory(folder)
    let reader = try directory.reader(of: nil, readers: 1, timeLimit: nil)
    let before = try await reader.version()
    try await directory.makeReports().report(WorkerReport(), of: "one", applied: [])
    #expect(try await reader.version() == before)
  }
}
