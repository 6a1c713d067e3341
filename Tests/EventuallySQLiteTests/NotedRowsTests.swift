@testable import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallySQLite

/// Rows that a replay has noted as differing are forgotten, and savepoints stay what they are.
@Suite(.timeLimit(.minutes(5))) struct NotedRowsTests {
  private let desk: Desk

  init() throws {
    desk = try Desk()
  }

  private static let note = #"""
    {"state":"built","begunBy":"x","begun":0,"applied":1,"total":1,"rate":0,"elapsed":0,"earlier":0,"comparison":{"live":2,
    "events":1,"differenceCount":1,"differences":[{"table":"notes","key":["gone"],"live":["a noted secret"]}],
    "columns":{"notes":["stream","text"]},"rows":0,"liveRows":1,"digest":"d","liveDigest":"e"}}
    """#

  private func comparison(_ generation: Int) throws -> ReplayRecord.Comparison? {
    try desk.directory.generation(generation).note.flatMap { ReplayRecord($0) }?.comparison
  }

  /// What the replay told is not the savepoint's, and is not beneath its seal.
  @Test(arguments: [false, true]) func aSavepointHasNoNote(isLeftByReplay: Bool) async throws {
    try await desk.write("a secret", to: "gone")
    try await desk.write("kept", to: "b")
    try await desk.project(into: try await desk.live())
    try SQLiteConnection(path: desk.directory.livePath, mode: .readWrite)
      .execute("UPDATE notes SET text = 'another secret' WHERE stream = 'gone'")
    do {
      var options = ReplayOptions()
      options.isSwitching = false
      let replay = try await Replay(
        "again", in: desk.directory, model: NoteModel(), codec: TextCodec(), log: desk.store.log,
        options: options
      ) { nil }
      #expect(try await replay.run() == .built)
    }
    #expect(try comparison(2)?.differences.count == 1)
    try desk.directory.makeLive(2)
    let cleared = try #require(try comparison(2))
    #expect(cleared.differences.isEmpty && cleared.differenceCount == 1)
    if isLeftByReplay {
      // As one leaves it that is killed once its generation is live.
      let live = try SQLiteConnection(path: desk.directory.livePath, mode: .readWrite)
      try ReadModelSchema.write(note: Self.note, live)
    }
    let saved = try desk.directory.saveSavepoint("after", of: NoteModel())
    try saved.verify(model: NoteModel())
    #expect(try desk.folder.files(with: "noted secret").allSatisfy { !$0.contains("checkpoints") })
    _ = try await desk.store.remove("gone")
    try await desk.project(into: try await desk.live())
    let outcome = try desk.directory.forgetRemoved(NoteModel())
    #expect(outcome == ForgettingOutcome(removals: 1, left: []))
    #expect(try desk.files(with: "secret") == [])
    #expect(try desk.directory.forgetRemoved(NoteModel()) == ForgettingOutcome())
    let again = try desk.directory.savepoint("after")
    try again.verify(model: NoteModel())
    #expect(again.rows == 1)
  }

  /// A savepoint with noted rows beneath its seal, as earlier versions have saved it: from before a removal, or after it.
  private func saveWithRows(before: Bool, tampering: String? = nil) async throws -> Savepoint {
    try await desk.write("a secret", to: "gone")
    try await desk.write("kept", to: "b")
    let live = try await desk.live()
    try await desk.project(into: live)
    if !before {
      _ = try await desk.store.remove("gone")
      try await desk.project(into: live)
    }
    let saved = try desk.directory.saveSavepoint("old", of: NoteModel())
    let file = try SQLiteConnection(path: saved.location, mode: .readWrite)
    try ReadModelSchema.write(note: Self.note, file)
    try Savepoint.reseal(file, tables: [NoteRow.schema])
    if let tampering { try file.execute(tampering) }
    if before {
      _ = try await desk.store.remove("gone")
      try await desk.project(into: live)
    }
    return saved
  }

  @Test(arguments: [true, false]) func anEarlierSavepointIsSealedAnew(before: Bool) async throws {
    let saved = try await saveWithRows(before: before)
    let outcome = try desk.directory.forgetRemoved(NoteModel())
    #expect(outcome == ForgettingOutcome(removals: 1, left: []))
    #expect(try desk.files(with: "secret") == [])
    try desk.directory.savepoint("old").verify(model: NoteModel())
    #expect(try desk.notes(saved.location) == ["kept"])
  }

  /// To seal it anew would hide that something else in it has changed.
  @Test func aDamagedSavepointIsLeftAsItIs() async throws {
    let saved = try await saveWithRows(
      before: false, tampering: "UPDATE checkpoints SET position = position + 1")
    let outcome = try desk.directory.forgetRemoved(NoteModel())
    #expect(outcome.left.map(\.location) == [saved.location], "\(outcome)")
    #expect(outcome.left.first?.reason.contains("is damaged") == true, "\(outcome)")
    #expect(try desk.files(with: "noted secret") == ["notes/checkpoints/old.sqlite"])
  }

  /// It can't be sealed anew without the read model's tables.
  @Test func aSavepointOfAnotherSchemaVersionIsLeftAsItIs() async throws {
    let saved = try await saveWithRows(before: false)
    let next = NoteModel(schemaVersion: 2)
    let directory = ReadModelDirectory(desk.directory.path, model: next)
    let live = try await desk.live(next)
    try await desk.project(into: live)
    let outcome = try directory.forgetRemoved(next)
    #expect(outcome.left.map(\.location) == [saved.location], "\(outcome)")
    #expect(outcome.left.first?.reason.contains("has rows that a replay has noted") == true)
    try saved.verify(model: NoteModel())
  }
}
