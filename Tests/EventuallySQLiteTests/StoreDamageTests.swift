import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

/// A store's file that was truncated, or in which bits have changed: no trap, no loop, and nothing wrong in silence.
@Suite(.timeLimit(.minutes(10))) struct StoreDamageTests {
  private static let streams = 12
  /// The state after the tenth event of `stream-5`.
  private static let snapshot = Snapshot(
    version: 10, sequenceNumber: 108, schemaVersion: 1,
    payload: Array(repeating: UInt8(ascii: "s"), count: 5_000))
  private let folder: TemporaryFolder
  private var sound: String { folder.file("sound.sqlite") }

  init() async throws {
    folder = try TemporaryFolder()
    let store = try TextStore(
      path: sound, codec: TextCodec(), options: .init(partitionCount: 4))
    for number in 0..<240 {
      let words = ["word-\(number % 7)", String(repeating: "x", count: number)]
      _ = try await store.append(words, to: "stream-\(number % Self.streams)", expecting: .any)
    }
    _ = try await store.remove("stream-3")
    _ = try await store.append(["again"], to: "stream-3", expecting: .exact(0))
    try await store.save(Self.snapshot, of: "stream-5")
    try await store.markPublished(100)
    await store.close()
    // Every page is in the file itself.
    try SQLiteConnection(path: sound, mode: .readWrite).execute(
      "PRAGMA wal_checkpoint(TRUNCATE)")
  }

  /// What reading a store comes to, by operation; what an event holds is apart from where it is.
  private func read(_ path: String) async -> [String: Finding] {
    var found: [String: Finding] = [:]
    let log: SQLiteEventLog
    do {
      log = try SQLiteEventLog(path: path, readers: 1)
    } catch {
      return ["open": .failed("\(error)")]
    }
    func text(_ records: [EventRecord]) -> [String] {
      records.map {
        "\($0.position.sequenceNumber) \($0.position.version) \($0.position.partitionOffset)"
      }
    }
    var entries: [EventRecord] = []
    found["read"] = await .of {
      while true {
        let page = try await log.records(after: UInt64(entries.count), limit: 100)
        if page.isEmpty { return text(entries) }
        entries += page
      }
    }
    found["content"] = .value("\(entries.map { "\($0)" })")
    for stream in 0..<Self.streams {
      found["stream \(stream)"] = await .of {
        text(try await log.records(ofStream: "stream-\(stream)"))
      }
    }
    for partition in 0..<Partition(4) {
      found["partition \(partition)"] = await .of {
        text(try await log.records(partition: partition, after: 0, limit: 10_000))
      }
    }
    found["heads"] = await .of { try await log.heads() }
    found["heads at"] = await .of { try await log.heads(at: 200) }
    found["head"] = await .of { try await log.head() }
    found["published"] = await .of { try await log.published() }
    found["snapshot"] = await .of { try await log.snapshot(of: "stream-5") as Any }
    return found
  }

  /// What changing a store comes to.
  private func write(_ path: String) async -> [String: Finding] {
    let store: TextStore
    do {
      store = try TextStore(path: path, codec: TextCodec())
    } catch {
      return ["open for writing": .failed("\(error)")]
    }
    var found: [String: Finding] = [:]
    // Where a stream is not found, its writer can only be told that.
    found["append"] = await .of { () -> String in
      do throws(EventStoreError) {
        return "\(try await store.append(["new"], to: "stream-1", expecting: .exact(40)).last)"
      } catch {
        guard case .conflict(let conflict) = error, conflict.actual == 0 else { throw error }
        return "not found"
      }
    }
    found["begin"] = await .of {
      try await store.append(["new"], to: "fresh", expecting: .exact(0)).last
    }
    found["remove"] = await .of { try await store.remove("stream-2") as Any }
    found["entries"] = await .of { try await collect(store.streamAll(.all)).count }
    await store.close()
    return found
  }

  private func damaged(_ damage: Damage) throws -> String {
    let path = folder.file("damaged-\(UUID().uuidString).sqlite")
    try FileManager.default.copyItem(atPath: sound, toPath: path)
    try damage.apply(to: path)
    return path
  }

  private func isSaid(_ text: String, _ path: String) -> Bool {
    text.contains(path)
      && [
        "backup", "name another path", "run the newer program", "start this program's writer",
        "start the store's writer",
      ].contains { text.contains($0) }
  }

  @Test func damageIsToldOrFound() async throws {
    let right = await read(sound)
    #expect(try await SQLiteEventLog(path: sound).findDamage() == [])
    let rightWrites = await write(try damaged(.flipped(0, bit: 0)).replacingSound(sound))
    var told = 0
    var silent: [String: Int] = [:]
    for damage in try Damage.all(
      of: sound, seed: 7)
    where damage != .truncated(0) {
      let path = try damaged(damage)
      let copy = path + ".copy"
      try FileManager.default.copyItem(atPath: path, toPath: copy)
      var found = await read(path)
      let findings: [String]
      do { findings = try await SQLiteEventLog(path: path).findDamage() } catch {
        findings = ["\(error)"]
      }
      found.merge(await write(copy)) { first, _ in first }
      var isTold = false
      for (operation, finding) in found {
        switch finding {
        case .failed(let text):
          isTold = true
          // A type that has changed is one that newer code may know.
          if text.contains("can't be decoded: the event type") { continue }
          #expect(
            isSaid(text, path) || isSaid(text, copy), "\(damage), \(operation): \(text)")
        case .value:
          guard operation != "entries", finding != right[operation] ?? rightWrites[operation] else {
            continue
          }
          if findings.isEmpty { silent[operation, default: 0] += 1 }
          // What an event holds has no checksum; what comes of it does not stay hidden from a read model.
          // A snapshot that was damaged is passed over.
          let isContent =
            ["content", "published"].contains(operation)
            || (operation == "snapshot" && finding == .value("nil"))
          #expect(
            !findings.isEmpty || isContent,
            "\(damage), \(operation): \(finding) instead of \(right[operation] ?? rightWrites[operation] ?? .value("nothing"))"
          )
        }
      }
      if case .truncated = damage { #expect(isTold || !findings.isEmpty, "\(damage)") }
      if isTold || !findings.isEmpty { told += 1 }
    }
    print("store: \(told) of 300 told or found; silent in \(silent)")
    #expect(told >= 140)
  }

  /// The log of the last transactions has checksums: what is damaged in it is as if it had not been committed.
  @Test func aDamagedLogKeepsABeginning() async throws {
    let path = folder.file("logged.sqlite")
    let store = try TextStore(path: path, codec: TextCodec(), options: .init(partitionCount: 4))
    for number in 0..<40 {
      _ = try await store.append(["word-\(number)"], to: "stream-\(number % 5)", expecting: .any)
    }
    // As a crash leaves it: the last connection to be closed would empty the log.
    var copies: [String: Data] = [:]
    for suffix in ["", "-wal"] {
      copies[suffix] = try Data(contentsOf: URL(filePath: path + suffix))
    }
    await store.close()
    let damages = try {
      try copies["-wal"]?.write(to: URL(filePath: folder.file("wal")))
      return try Damage.all(of: folder.file("wal"), seed: 11)
    }()
    for damage in damages {
      let copy = folder.file("logged-\(UUID().uuidString).sqlite")
      for (suffix, data) in copies { try data.write(to: URL(filePath: copy + suffix)) }
      try damage.apply(to: copy + "-wal")
      do {
        let log = try SQLiteEventLog(path: copy, readers: 1)
        let records = try await log.records(after: 0, limit: 1000)
        #expect(
          records.map { String(decoding: $0.payload, as: UTF8.self) }
            == (0..<records.count).map { "word-\($0)" }, "\(damage)")
        #expect(try await log.findDamage() == [], "\(damage)")
      } catch {
        #expect(isSaid("\(error)", copy), "\(damage): \(error)")
      }
    }
  }

  /// SQLite takes an empty file for a new database.
  @Test func anEmptiedStoreIsNotTakenForANewOne() async throws {
    try Damage.truncated(0).apply(to: sound)
    #expect {
      _ = try TextStore(path: sound, codec: TextCodec())
    } throws: { error in
      (error as? StoreOpenError)?.code == .damaged && "\(error)".contains("\(sound).lock")
        && "\(error)".contains("sqlite3's .recover")
    }
    // Its note is kept over the attempt, until what it is of is deleted on purpose.
    #expect(throws: StoreOpenError.self) { try TextStore(path: sound, codec: TextCodec()) }
    try FileManager.default.removeItem(atPath: sound)
    let store = try TextStore(path: sound, codec: TextCodec())
    #expect(store.head.position == 0)
    await store.close()
  }

  /// What is noted in a lock's file is of no weight where the store is there.
  @Test func aDamagedLockLocksNobodyOut() async throws {
    let lock = sound + ".lock"
    let intact = try Data(contentsOf: URL(filePath: lock))
    for damage in try Damage.all(of: lock, seed: 17) {
      try intact.write(to: URL(filePath: lock))
      try damage.apply(to: lock)
      let store = try TextStore(path: sound, codec: TextCodec())
      #expect(store.head.position == 482, "\(damage)")
      await store.close()
    }
  }

  @Test(arguments: [
    "UPDATE streams SET partition = 99", "UPDATE streams SET partition = -1",
    "UPDATE streams SET partition = 1 << 40", "UPDATE streams SET version = 1 << 62",
    "UPDATE streams SET head = -5", "UPDATE streams SET head = (1 << 62) + 1",
    "UPDATE streams SET version = version + 1", "UPDATE streams SET version = -3",
    "UPDATE events SET previous = sequence WHERE version = 3",
    "UPDATE events SET previous = sequence + 20 WHERE version = 3",
    "UPDATE events SET previous = -7 WHERE version = 3",
    "UPDATE events SET previous = 9 WHERE version = 1",
    "UPDATE events SET version = -1 WHERE sequence = 30",
    "UPDATE events SET partition = 1 << 33 WHERE sequence = 30",
    "UPDATE events SET partition_sequence = partition_sequence + (1 << 61) WHERE sequence % 50 = 0",
    "UPDATE events SET stream = 99999 WHERE sequence = 30",
    "UPDATE events SET id = x'00' WHERE sequence = 30",
    "UPDATE events SET time = 1 << 62 WHERE sequence = 30",
    "DELETE FROM events WHERE sequence = 30",
    "UPDATE events SET sequence = (1 << 62) + 1 WHERE sequence = (SELECT max(sequence) FROM events)",
    "UPDATE store SET value = -4 WHERE key = 'partitions'",
    "UPDATE store SET value = 1 << 40 WHERE key = 'partitions'", "PRAGMA user_version = -1",
    "PRAGMA user_version = 1", "DROP TABLE store", "DROP TABLE streams",
    "UPDATE streams SET id = 'stream-x' WHERE id = 'stream-2'",
  ])
  func whatNoWriterHasPutThereIsTold(_ change: String) async throws {
    let path = try damaged(.flipped(0, bit: 0)).replacingSound(sound)
    let right = await read(sound)
    try SQLiteConnection(path: path, mode: .readWrite).execute(change)
    let copy = path + ".copy"
    try FileManager.default.copyItem(atPath: path, toPath: copy)
    let findings: [String]
    do { findings = try await SQLiteEventLog(path: path).findDamage() } catch {
      findings = ["\(error)"]
      #expect(isSaid("\(error)", path))
    }
    #expect(!findings.isEmpty)
    var found = await read(path)
    found.merge(await write(copy)) { first, _ in first }
    for case (let operation, .failed(let text)) in found {
      #expect(isSaid(text, path) || isSaid(text, copy), "\(operation): \(text)")
    }
    let isTold = found.contains { if case .failed = $0.value { true } else { false } }
    #expect(isTold || found != right)
  }

  /// A decision would be made from it.
  @Test func aDamagedSnapshotIsPassedOver() async throws {
    #expect(try await SQLiteEventLog(path: sound).snapshot(of: "stream-5") == Self.snapshot)
    for change in [
      "payload = replace(payload, 's', 't')", "payload = substr(payload, 2)", "version = 11",
      "schema_version = 2", "payload = x''", "payload = substr(payload, 1, 5000)",
      "stream = (SELECT key FROM streams WHERE id = 'stream-6')",
    ] {
      let path = try damaged(.flipped(0, bit: 0)).replacingSound(sound)
      try SQLiteConnection(path: path, mode: .readWrite).execute("UPDATE snapshots SET \(change)")
      let log = try SQLiteEventLog(path: path)
      #expect(try await log.snapshot(of: "stream-5") == nil, "\(change)")
      #expect(try await log.snapshot(of: "stream-6") == nil, "\(change)")
    }
  }

  @Test func aCursorBeyondTheStoreProvesNothing() async throws {
    try SQLiteConnection(path: sound, mode: .readWrite).execute(
      "UPDATE store SET value = 1 << 50 WHERE key = 'published'")
    #expect(try await SQLiteEventLog(path: sound).published() == 0)
  }
}

extension String {
  /// A path whose file is a copy of a sound one.
  fileprivate func replacingSound(_ sound: String) throws -> String {
    try FileManager.default.removeItem(atPath: self)
    try FileManager.default.copyItem(atPath: sound, toPath: self)
    return self
  }
}
