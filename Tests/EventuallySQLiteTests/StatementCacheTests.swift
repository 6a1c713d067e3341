import Eventually
import Testing

@testable import EventuallySQLite

@Suite struct StatementCacheTests {
  @Test func statementsThatAreUsedAreKeptAndTheirNumberIsBounded() throws {
    let folder = try TemporaryFolder()
    let connection = try SQLiteConnection(path: folder.file("a.sqlite"), mode: .create)
    let first = try connection.statement("SELECT 1")
    for number in 0..<1_000 {
      #expect(try connection.integer("SELECT \(number) + 1") == Int64(number + 1))
      #expect(try connection.statement("SELECT 1") === first)
      #expect(connection.statementCount <= StatementCache.limit)
    }
    // One that is not kept any more still works for whoever has it.
    let held = try connection.statement("SELECT 'held'")
    for number in 0..<200 { _ = try connection.integer("SELECT \(number) + 2") }
    #expect(try held.step() && held.text(0) == "held")
  }

  /// Whoever asks a store for the records of changing lists of partitions prepares one statement.
  @Test func anyListOfPartitionsIsOneStatement() async throws {
    let folder = try TemporaryFolder()
    let store = try TextStore(
      path: folder.file("s.sqlite"), codec: TextCodec(), options: .init(partitionCount: 12))
    for number in 0..<60 {
      _ = try await store.append(["\(number)"], to: "s-\(number)", expecting: .any)
    }
    let log = try SQLiteEventLog(path: folder.file("s.sqlite"), readers: 1)
    let all = try await log.records(after: 0, limit: 1_000)
    for mask in stride(from: 1, to: 4_095, by: 7) {
      let partitions = Set((0..<12).filter { mask >> $0 & 1 == 1 }.map { Partition($0) })
      let found = try await log.records(after: 0, limit: 1_000, of: partitions)
      #expect(found == all.filter { partitions.contains($0.position.partition) })
    }
    #expect(try await log.records(after: 0, limit: 10, of: []).isEmpty)
    #expect(try await log.preparedStatements() < 10)
  }
}
