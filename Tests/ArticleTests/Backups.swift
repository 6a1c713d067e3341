import Eventually
import EventuallySQLite
import Testing

extension FirstAggregate.SQLiteArticleTests {
  @Test func aBackupIsMade() async throws {
    let temporary = try TemporaryFolder()
    let folder = temporary.path
    let store = try SQLiteEventStore(
      path: "\(folder)/accounts.sqlite", codec: JSONEventCodec<FirstAggregate.Account.Event>())
    _ = try await Repository(FirstAggregate.Account(), store: store)
      .execute([.deposit(1)], on: "account-1")
    // snippet.backup
    let log = try SQLiteEventLog(path: "\(folder)/accounts.sqlite")
    let backup = try log.backup(to: "\(folder)/accounts-monday.sqlite")
    if backup.removedMeanwhile > 0 { /* make another, and delete this one */  }
    // snippet.end
    #expect(backup.head == 1)
  }
}
