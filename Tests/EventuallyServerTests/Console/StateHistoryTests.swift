import Eventually
import EventuallyTesting
import Foundation
import Testing

@testable import EventuallyServer

/// States of a stream as of any version or time.
@Suite struct StateHistoryTests {
  private func bank(_ deposits: Int) async throws -> TestWriter {
    let bank = try await TestWriter(Bank())
    let repository = try bank.writer.repository(of: Account.self)
    _ = try await repository.execute([.open(owner: "x")], on: "1")
    if deposits > 0 {
      _ = try await repository.execute((1...deposits).map { .deposit($0) }, on: "1")
    }
    return bank
  }

  private func cents(_ state: StateHistory.State) throws -> Int {
    let json = try #require(state.json)
    let object = try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any]
    return try #require(object?["cents"] as? Int)
  }

  @Test func statesAreThoseOfTheirVersions() async throws {
    let bank = try await bank(1_300)
    let log = bank.writer.store.log
    let history = StateHistory(bank.writer.application)
    let versions: [Version] = [1_301, 1, 2, 513, 512, 511, 1_024, 1_025, 1_026, 700, 1_301, 9_999]
    for version in versions {
      let state = try await history.state(of: "account/1", at: .version(version), in: log)
      let n = min(version, 1_301) - 1
      #expect(state.last?.position.version == n + 1)
      #expect(try cents(state) == Int(n * (n + 1) / 2), "version \(version)")
      #expect(state.failure == nil && state.step.note == nil)
      if n > 0 { #expect(state.step.changes.map(\.path) == ["cents"], "version \(version)") }
    }
    let none = try await history.state(of: "account/1", at: .version(0), in: log)
    #expect(none.last == nil && none.json == nil)
    let unknown = try await history.state(of: "account/none", at: .version(5), in: log)
    #expect(unknown.last == nil && unknown.json == nil)
    let now = try await history.state(of: "account/1", at: .time(.now()), in: log)
    #expect(now.last?.position.version == 1_301)
    let before = try await history.state(
      of: "account/1", at: .time(Timestamp(microseconds: 0)), in: log)
    #expect(before.last == nil)
  }

  @Test func theHistoryHasEachEventOnce() async throws {
    let bank = try await bank(600)
    let log = bank.writer.store.log
    let history = StateHistory(bank.writer.application)
    var (before, found) = (Version(602), [StateHistory.Entry]())
    while true {
      let part = try await history.entries(of: "account/1", before: before, limit: 50, in: log)
      guard let last = part.last else { break }
      found += part
      before = last.record.position.version
    }
    #expect(found.map(\.record.position.version) == (1...601).reversed())
    for entry in found.dropLast() {
      let n = entry.record.position.version - 1
      let change = entry.step.changes.first
      #expect(entry.step.changes.count == 1 && change?.path == "cents")
      #expect(change?.before.map(JSONMembers.text) == "\((n - 1) * n / 2)")
      #expect(change?.after.map(JSONMembers.text) == "\(n * (n + 1) / 2)")
    }
    #expect(found.last?.step.changes.map(\.line) == ["cents: - → 0", "owner: - → x"])
  }

  /// A stream that begins anew has the same versions, and other events.
  @Test func aRemovedStreamIsForgotten() async throws {
    let bank = try await bank(1_100)
    let log = bank.writer.store.log
    let history = StateHistory(bank.writer.application)
    _ = try await history.state(of: "account/1", at: .version(1_100), in: log)
    _ = try await bank.writer.store.remove("account/1", expecting: .any)
    let gone = try await history.state(of: "account/1", at: .version(1_100), in: log)
    #expect(gone.last == nil && gone.json == nil)
    let repository = try bank.writer.repository(of: Account.self)
    _ = try await repository.execute([.open(owner: "y")], on: "1")
    _ = try await repository.execute((1...1_100).map { _ in .deposit(1) }, on: "1")
    let state = try await history.state(of: "account/1", at: .version(1_100), in: log)
    #expect(try cents(state) == 1_099)
  }

  /// Also where nobody asks for it again: what was removed is in no memory a moment later.
  @Test func whatNobodyAsksForIsNotKept() async throws {
    let bank = try await bank(1_100)
    let log = bank.writer.store.log
    let history = StateHistory(bank.writer.application, lifetime: .milliseconds(100))
    for _ in 0..<2 {
      _ = try await history.state(of: "account/1", at: .version(1_100), in: log)
      try await waitUntil("its states are dropped") { history.keptBytes == 0 }
    }
  }

  @Test func theCacheHoldsItsBounds() throws {
    let account = try #require(try ApplicationModel(Bank()).aggregate("account"))
    // Each takes 256 bytes more.
    func fold(_ version: Version, _ bytes: Int = 0) -> FoldCache.Fold {
      FoldCache.Fold(
        position: EventPosition(
          partition: 0, partitionOffset: version, sequenceNumber: version, version: version),
        time: Timestamp(microseconds: 0), changes: StateChanges(account), bytes: bytes)
    }
    var cache = FoldCache(streams: 2, bytes: 2_560)
    for id in ["a", "b"] {
      for version in [512, 1_536, 1_024, 512] as [Version] { cache.keep(fold(version), of: id) }
    }
    #expect(cache.bytes == 6 * 256)
    #expect(cache.latest(of: "a") { $0.version < 1_536 }?.version == 1_024)
    #expect(cache.latest(of: "a") { $0.version < 512 } == nil)
    // The one that was asked for last stays.
    cache.keep(fold(512), of: "c")
    #expect(cache.latest(of: "b") { _ in true } == nil)
    #expect(cache.latest(of: "a") { _ in true }?.version == 1_536)
    cache.keep(fold(512, 2_304), of: "d")
    #expect(cache.bytes == 2_560 && cache.latest(of: "d") { _ in true } != nil)
    cache.keep(fold(512, 5_000), of: "e")
    #expect(cache.bytes == 0)
    // A long stream has fewer of its states kept, in equal distances, and the one that was asked for last.
    for version in (1...64).map({ Version($0) * 512 }) {
      cache.keep(fold(version), of: "f")
      #expect(cache.bytes <= 2_560)
    }
    let kept = (1...64).compactMap { number in
      cache.latest(of: "f") { $0.version <= Version(number) * 512 }?.version
    }
    #expect(Set(kept) == Set((1...8).map { Version($0) * 4_096 }))
    #expect(!cache.wants(4_096, of: "f") && !cache.wants(512, of: "f"))
    #expect(cache.wants(9 * 4_096, of: "f"))
    for version in [777, 5_000] as [Version] {
      cache.keep(fold(version), of: "f", isRecent: true)
      #expect(cache.bytes == 9 * 256)
      #expect(cache.latest(of: "f") { $0.version <= version }?.version == version)
    }
    #expect(cache.latest(of: "f") { $0.version < 4_096 } == nil)
    #expect(cache.latest(of: "f") { $0.version < 9_000 }?.version == 8_192)
    cache.forget("f")
    #expect(cache.bytes == 0)
    // Who is asked for stays.
    let now = ContinuousClock.now
    cache.keep(fold(512), of: "g", now: now)
    cache.keep(fold(512), of: "h", now: now + .seconds(1))
    _ = cache.latest(of: "g", now: now + .seconds(2)) { _ in true }
    cache.expire(before: now + .seconds(2))
    #expect(cache.bytes == 256 && cache.latest(of: "g") { _ in true } != nil)
    cache.expire(before: .now + .seconds(60))
    #expect(cache.bytes == 0)
  }
}
