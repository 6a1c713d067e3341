@testable import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallySQLite

/// The last text of each stream; fails on those that begin with an exclamation mark.
struct NoteModel: ReadModel {
  struct Refused: Error {}
  let name = "notes"
  var schemaVersion = 1
  let tables: [any ReadModelRow.Type] = [NoteRow.self]

  func project(_ event: Persisted<String, String>, into rows: Rows) throws {
    if event.event.hasPrefix("!") { throw Refused() }
    if event.version > 1, try rows.row(NoteRow.self, event.streamID) == nil { throw Refused() }
    try rows.put(NoteRow(key: event.streamID, text: event.event))
  }

  func forget(_ streamID: String, in rows: Rows) throws {
    try rows.delete(NoteRow.self, streamID)
  }
}

struct NoteRow: ReadModelRow {
  var key: String
  var text: String
  static let schema = TableSchema(
    "notes", key: [.text("stream")], values: [.text("text")], indexes: [["text"]])
  var values: [ColumnValue] { [.text(text)] }

  init(key: String, text: String) {
    self.key = key
    self.text = text
  }

  init(key: String, values: [ColumnValue]) throws {
    self.init(key: key, text: try values.text(0, of: Self.schema))
  }
}

/// A store with notes in it, and the directory of their read model.
struct Desk {
  static let partitions: Partition = 2
  let folder: TemporaryFolder
  let store: TextStore
  let directory: ReadModelDirectory

  init() throws {
    folder = try TemporaryFolder()
    store = try TextStore(
      path: folder.file("store.sqlite"), codec: TextCodec(),
      options: .init(partitionCount: Self.partitions))
    directory = ReadModelDirectory(folder.file("notes"), model: NoteModel())
  }

  func live(_ model: NoteModel = NoteModel()) async throws -> LiveReadModel<NoteModel> {
    try await LiveReadModel.open(
      ReadModelDirectory(folder.file("notes"), model: model), model: model, codec: TextCodec(),
      storeID: store.storeID, partitionCount: Self.partitions)
  }

  func project(into readModel: some ReadModelStore<String>) async throws {
    let subscription = LogSubscription(
      store.log, codec: TextCodec(), checkpoints: readModel,
      partitions: Array(0..<Self.partitions), through: try await store.log.heads(), owner: "test")
    await ReadModelProjector(subscription, into: readModel).run()
  }

  func write(_ texts: String..., to stream: String) async throws {
    _ = try await store.append(texts, to: stream, expecting: .any)
  }

  func replay(_ base: Savepoint? = nil) async throws -> Replay<NoteModel> {
    try await Replay(
      "again", in: directory, model: NoteModel(), codec: TextCodec(), log: store.log
    ) { base }
  }

  func notes(_ path: String? = nil) throws -> [String] {
    try SQLiteConnection(path: path ?? directory.livePath, mode: .readOnly)
      .rows("SELECT text FROM notes ORDER BY stream") { $0.text(0) }
  }

  func pending() async throws -> Int {
    try await ReadModelReader(path: directory.livePath, model: NoteModel(), readers: 1)
      .pendingRemovals().count
  }

  /// The files of the read model that have a text somewhere.
  func files(with text: String) throws -> [String] {
    try folder.files(with: text).filter { $0.hasPrefix("notes/") }.sorted()
  }
}
