@testable import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

/// A savepoint that was saved with other tables is not damaged.
@Suite struct SavepointVersionTests {
  /// The second version of ``LastRow``'s table, which has another column.
  private struct NewRow: ReadModelRow {
    var key: String
    static let schema = TableSchema("last", key: [.text("stream")], values: [.integer("times")])
    var values: [ColumnValue] { [.integer(0)] }
    init(key: String, values: [ColumnValue]) { self.key = key }
  }

  private struct NewModel: ReadModel {
    typealias Event = String
    let name = "words"
    let schemaVersion = 2
    let tables: [any ReadModelRow.Type] = [NewRow.self]
    func project(_ event: Persisted<String, String>, into rows: Rows) {}
    func forget(_ streamID: String, in rows: Rows) {}
  }

  @Test func aSavepointOfAnotherSchemaVersionIsToldAsThat() async throws {
    let folder = try TemporaryFolder()
    let old = ReadModelDirectory(folder.file("words"), model: WordModel())
    _ = try await LiveReadModel.open(
      old, model: WordModel(), codec: TextCodec(), storeID: "s", partitionCount: 2)
    let saved = try old.saveSavepoint("before", of: WordModel())
    func isTold(_ error: (any Error)?) -> Bool {
      guard case .savepointSchemaVersion("before", 1, 2)? = error as? ReadModelError else {
        return false
      }
      return true
    }
    let verified = #expect(throws: ReadModelError.self) { try saved.verify(model: NewModel()) }
    #expect(isTold(verified), "\(String(describing: verified))")
    let new = ReadModelDirectory(folder.file("words"), model: NewModel())
    let replayed = await #expect(throws: ReadModelError.self) {
      try await Replay(
        "savepoint before", in: new, model: NewModel(), codec: TextCodec(),
        log: EmptyLog(storeID: "s", partitionCount: 2)
      ) { try new.savepoint("before") }
    }
    #expect(isTold(replayed), "\(String(describing: replayed))")
    #expect(verified?.description.contains("version 1, and this program has 2") == true)
    #expect(throws: ReadModelError.self) { try saved.verify(model: WordModel(name: "others")) }
    try saved.verify(model: WordModel())
  }
}
