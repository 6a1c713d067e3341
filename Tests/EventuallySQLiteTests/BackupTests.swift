import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite(.timeLimit(.minutes(5))) struct BackupTests {
  private static let secret = "what must be gone"
  private let folder: TemporaryFolder
  private let store: TextStore
  private let log: SQLiteEventLog
  private var destination: String { folder.file("backup.sqlite") }

  init() throws {
    folder = try TemporaryFolder()
    store = try TextStore(
      path: folder.file("store.sqlite"), codec: TextCodec(), options: .init(partitionCount: 2))
    log = try SQLiteEventLog(path: folder.file("store.sqlite"))
  }

  /// So many events that a copy of them tells of its progress many times.
  private func fill() async throws {
    for stream in 0..<20 {
      _ = try await store.append(
        (0..<1000).map { "event \($0)" }, to: "stream-\(stream)", expecting: .exact(0))
    }
  }

  /// Blocks its caller until something was appended after `position`.
  private static func waitForAppend(after position: UInt64, to store: TextStore) {
    let deadline = ContinuousClock.now + .seconds(60)
    while store.head.position <= position, ContinuousClock.now < deadline { usleep(1000) }
  }

  private func files() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { !$0.hasPrefix("store.sqlite") }.sorted()
  }

  private func failure(
    _ path: String, available: UInt64 = .max, progress: (Double) -> Void = { _ in }
  ) -> String {
    do throws(BackupError) {
      return "\(try log.backup(to: path, available: { _ in available }, progress: progress))"
    } catch {
      return error.description
    }
  }

  @Test func aBackupDuringAppendsIsAPrefixOfTheStore() async throws {
    try await fill()
    _ = try await store.append([Self.secret, "two"], to: "removed", expecting: .exact(0))
    let removal = try #require(try await store.remove("removed"))
    #expect(await store.waitForErasure(of: removal, atMost: .seconds(60)))
    let before = store.head.position
    let appending = Task { [store] in
      var number = 0
      while !Task.isCancelled {
        _ = try await store.append(["\(number)"], to: "later", expecting: .any)
        number += 1
      }
    }
    var parts: [Double] = []
    let backup = try log.backup(to: destination) { [store] part in
      // The copy began before that.
      if parts.isEmpty { Self.waitForAppend(after: store.head.position, to: store) }
      parts.append(part)
    }
    appending.cancel()
    _ = await appending.result
    #expect(parts.count > 5 && parts.last == 1, "\(parts)")
    #expect(parts == parts.sorted() && parts.allSatisfy { (0...1).contains($0) }, "\(parts)")
    #expect((before..<store.head.position).contains(backup.head))
    #expect(backup.storeID == store.storeID && backup.removedMeanwhile == 0)
    #expect(try files() == ["backup.sqlite"])
    #expect(try folder.files(with: Self.secret) == [])

    let copy = try SQLiteEventLog(path: destination)
    #expect(copy.storeID == store.storeID && copy.partitionCount == store.partitionCount)
    #expect(try await copy.head() == backup.head)
    #expect(try await copy.findDamage() == [])
    var position: UInt64 = 0
    while position < backup.head {
      let records = try await copy.records(after: position, limit: 1000)
      try #require(!records.isEmpty)
      #expect(try await store.records(after: position, limit: records.count) == records)
      position += UInt64(records.count)
    }
  }

  /// Put in the store's place, it is the store as it was.
  @Test func aBackupIsAStoreThatGoesOn() async throws {
    _ = try await store.append(["one", "two"], to: "a", expecting: .exact(0))
    try await store.markPublished(2)
    try log.backup(to: destination)
    _ = try await store.append(["three"], to: "a", expecting: .exact(2))
    let restored = try TextStore(path: destination, codec: TextCodec())
    #expect(restored.storeID == store.storeID && restored.head.position == 2)
    #expect(try await restored.published() == 2)
    _ = try await restored.append(["other"], to: "a", expecting: .exact(2))
    #expect(
      try await collect(restored.stream("a", .all)).map(\.event) == ["one", "two", "other"])
    await restored.close()
    await store.close()
  }

  /// The copy is from before, and that is told; the store's erasure waits for it.
  @Test func aRemovalMeanwhileIsCounted() async throws {
    try await fill()
    _ = try await store.append([Self.secret], to: "removed", expecting: .exact(0))
    var removing: Task<EventPosition?, any Error>?
    let backup = try log.backup(to: destination) { [store] _ in
      guard removing == nil else { return }
      let head = store.head.position
      removing = Task { try await store.remove("removed") }
      Self.waitForAppend(after: head, to: store)
    }
    let removal = try #require(try await removing?.value)
    #expect(backup.removedMeanwhile == 1 && backup.head == removal.sequenceNumber - 1)
    #expect(await store.waitForErasure(of: removal, atMost: .seconds(60)))
    #expect(try folder.files(with: Self.secret) == ["backup.sqlite"])
  }

  @Test func aFileIsNotReplaced() async throws {
    try await fill()
    try Data("mine".utf8).write(to: URL(filePath: destination))
    #expect(failure(destination).contains("exists"))
    #expect(failure(log.path).contains("exists"))
    #expect(try String(contentsOfFile: destination, encoding: .utf8) == "mine")
    #expect(try files() == ["backup.sqlite"])
    // One that comes while the copy is made is not either.
    let other = folder.file("other.sqlite")
    let failure = failure(other) { part in
      if part == 0 { try? Data("theirs".utf8).write(to: URL(filePath: other)) }
    }
    #expect(failure.contains("exists"))
    #expect(try String(contentsOfFile: other, encoding: .utf8) == "theirs")
  }

  @Test func nothingIsLeftOfABackupThatFails() async throws {
    try await fill()
    let missing = failure(folder.file("none/backup.sqlite"))
    #expect(missing.hasSuffix(": No such file or directory"), "\(missing)")
    let full = failure(destination, available: 4096)
    #expect(full.contains("its disk has 4096") && full.contains("another disk"), "\(full)")
    #expect(try files() == [])
    let log = log
    let destination = destination
    let task = Task { () throws -> StoreBackup in
      try log.backup(to: destination) { _ in withUnsafeCurrentTask { $0?.cancel() } }
    }
    await #expect {
      _ = try await task.value
    } throws: {
      guard case .cancelled(let path)? = $0 as? BackupError else { return false }
      return path == destination
    }
    #expect(try files() == [])
  }

  /// What an earlier backup left that was killed is no obstacle; one that is at work is.
  @Test func onlyOneBackupWritesAFile() async throws {
    _ = try await store.append(["one"], to: "a", expecting: .exact(0))
    let unfinished = destination + ".unfinished"
    for leftover in [unfinished, unfinished + "-journal"] {
      try Data("half".utf8).write(to: URL(filePath: leftover))
    }
    let descriptor = open(unfinished, O_RDWR)
    #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    #expect(failure(destination).contains("another process"))
    #expect(FileManager.default.fileExists(atPath: unfinished))
    close(descriptor)
    let backup = try log.backup(to: destination)
    #expect(backup.head == 1)
    #expect(try files() == ["backup.sqlite"])
  }
}
