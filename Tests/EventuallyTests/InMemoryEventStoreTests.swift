import Eventually
import Testing

@Suite struct InMemoryEventStoreTests {
  @Test func sequencesAndVersionsHaveNoGaps() async throws {
    let store = CounterStore()
    _ = try store.append([.added(1), .added(2)], to: "a", expecting: .exact(0))
    _ = try store.append([.added(3)], to: "b", expecting: .any)
    let appended = try store.append([.added(4)], to: "a", expecting: .exact(2))
    #expect(appended.last.sequenceNumber == 4)
    #expect(appended.version == 3)
    var sequences: [UInt64] = []
    for try await entry in store.streamAll(.all) {
      sequences.append(entry.position.sequenceNumber)
    }
    #expect(sequences == [1, 2, 3, 4])
    var events: [Counter.Event] = []
    for try await persisted in store.stream("a", .from(2)) { events.append(persisted.event) }
    #expect(events == [.added(2), .added(4)])
  }

  /// Positions come from requests and command lines: beyond the largest there is nothing, and no trap.
  @Test(arguments: [.max, 1 << 63, (1 << 63) - 1] as [UInt64])
  func beyondTheLargestPositionThereIsNothing(position: UInt64) async throws {
    let store = CounterStore()
    _ = try store.append([.added(1)], to: "a", expecting: .any)
    for try await persisted in store.stream("a", .from(position)) {
      Issue.record("\(persisted) is not beyond \(position)")
    }
    for try await entry in store.streamAll(.from(position)) {
      Issue.record("\(entry) is not beyond \(position)")
    }
    let waiting = Task<Bool, any Error> {
      var iterator = store.subscribeAll(after: position).makeAsyncIterator()
      return try await iterator.next() == nil
    }
    waiting.cancel()
    #expect(try await waiting.value)
  }

  @Test func anEmptyAppendIsRefused() throws {
    #expect(throws: EventStoreError.self) {
      try CounterStore().append([], to: "a", expecting: .any)
    }
  }

  /// The Rust crate's store checks the version under one lock and writes under another, so two appends could both pass.
  @Test func ofConcurrentAppendsThatExpectTheSameVersionOnePasses() async throws {
    let store = CounterStore()
    for version in 0..<200 as Range<UInt64> {
      let passed = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<8 {
          group.addTask {
            (try? store.append([.added(1)], to: "a", expecting: .exact(version))) != nil
          }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(passed == 1)
    }
  }

  @Test func aRemovedStreamIsGoneAndBeginsAgainAtVersionOne() async throws {
    let store = CounterStore()
    _ = try store.append([.added(1), .added(2)], to: "a", expecting: .exact(0))
    try await store.remove("a")
    try await store.remove("unknown")
    let appended = try store.append([.added(9)], to: "a", expecting: .exact(0))
    #expect(appended.last.sequenceNumber == 4)
    #expect(appended.version == 1)
    var log: [String] = []
    for try await entry in store.streamAll(.all) {
      switch entry {
      case .event(let persisted): log.append("\(persisted.event)")
      case .removed(let id, _, _): log.append("removed \(id)")
      case .erased: log.append("erased")
      case .other: log.append("not taken")
      case .unreadable(let event): log.append("unreadable \(event.streamID)")
      }
    }
    #expect(log == ["erased", "erased", "removed a", "added(9)"])
  }

  /// The Rust crate's subscriber drops events when a reader falls behind its buffer of 128.
  @Test func aSlowSubscriberMissesNothing() async throws {
    let store = CounterStore()
    let count = 5000
    let reader = Task {
      var seen: [UInt64] = []
      for try await entry in store.subscribeAll(after: 0) {
        seen.append(entry.position.sequenceNumber)
        await Task.yield()
        if seen.count == count { break }
      }
      return seen
    }
    for number in 1...count { _ = try store.append([.added(number)], to: "a", expecting: .any) }
    #expect(try await reader.value == (1...UInt64(count)).map { $0 })
  }

  @Test func aSubscriberThatWaitsEndsWhenItsTaskIsCancelled() async throws {
    let store = CounterStore()
    let reader = Task {
      var count = 0
      for try await _ in store.subscribeAll(after: nil) { count += 1 }
      return count
    }
    reader.cancel()
    #expect(try await reader.value == 0)
  }
}
