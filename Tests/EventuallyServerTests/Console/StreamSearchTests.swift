import Eventually
import EventuallySQLite
import Foundation
import Testing

@testable import EventuallyServer

/// Finding streams by their events.
@Suite struct StreamSearchTests {
  /// A store's events, the first at index 0; `nil` for one that was erased.
  private struct Made {
    var events: [EventHead?] = []

    init(_ generator: inout SeededRandom) {
      var versions: [String: Version] = [:]
      for number in 1...UInt64.random(in: 1...120, using: &generator) {
        guard Int.random(in: 0..<10, using: &generator) > 0 else {
          events.append(nil)
          continue
        }
        let stream = "\(["", "a/", "b/"].randomElement(using: &generator) ?? "")\(number % 7)"
        versions[stream, default: 0] += 1
        events.append(
          EventHead(
            streamID: stream, sequenceNumber: number, version: versions[stream] ?? 0,
            type: ["made", "changed"].randomElement(using: &generator) ?? "",
            time: Timestamp(microseconds: Int64(number) * 1_000),
            correlationID: ["x", "y", nil].randomElement(using: &generator) ?? nil))
      }
    }

    func head(_ event: EventHead) -> Bool {
      events.compactMap { $0 }.last { $0.streamID == event.streamID } == event
    }

    /// As a store answers.
    func read(_ range: ClosedRange<UInt64>, _ filter: EventFilter) -> [EventHead] {
      range.reversed().compactMap { number in
        guard var event = events[Int(number) - 1] else { return nil }
        guard filter.type == nil || event.type == filter.type, !filter.isLast || head(event) else {
          return nil
        }
        if !filter.readsCorrelation { event.correlationID = nil }
        return event
      }
    }
  }

  @Test(arguments: 0..<200) func everyStreamIsFound(seed: UInt64) {
    var generator = SeededRandom(seed: seed)
    let made = Made(&generator)
    func maybe<T>(_ value: T) -> T? { Bool.random(using: &generator) ? value : nil }
    let question = StreamSearch.Question(
      prefix: ["", "a/", "b/1", "none"].randomElement(using: &generator) ?? "",
      type: maybe("made"), correlation: maybe("x"),
      from: maybe(Timestamp(microseconds: 20_000)), to: maybe(Timestamp(microseconds: 60_000)))
    let bounds = StreamSearch.Bounds(
      streams: Int.random(in: 1...4, using: &generator),
      events: UInt64.random(in: 1...40, using: &generator),
      step: UInt64.random(in: 1...15, using: &generator))

    var (found, rest, looks) = ([[String]](), Optional(UInt64(made.events.count)), 0)
    while let from = rest {
      var search = StreamSearch(question, from: from, through: 1, bounds: bounds)
      while let range = search.next(after: .zero) {
        looks += 1
        #expect(range.count <= Int(bounds.step))
        search.take(made.read(range, question.filter), of: range)
      }
      #expect(search.found.count <= bounds.streams)
      #expect(search.searched.to - search.position <= bounds.events)
      found.append(search.found)
      rest = search.rest
      #expect(rest.map { $0 < from } ?? true, "a search must come further: \(question)")
      if let rest, rest >= from { break }
    }
    #expect(looks <= made.events.count + found.count)

    let expected = made.events.compactMap { $0 }.filter { event in
      event.streamID.hasPrefix(question.prefix)
        && (question.type == nil || event.type == question.type)
        && (question.correlation == nil || event.correlationID == question.correlation)
        && (question.from.map { event.time >= $0 } ?? true)
        && (question.to.map { event.time <= $0 } ?? true)
        && (!question.isOfLast || made.head(event))
    }
    #expect(Set(found.joined()) == Set(expected.map(\.streamID)), "\(question)")
    for part in found { #expect(Set(part).count == part.count, "\(part)") }
    if question.isOfLast {
      #expect(Array(found.joined()) == expected.reversed().map(\.streamID), "\(question)")
    }
  }

  @Test func aSearchEndsWhenItsTimeIsUp() {
    var search = StreamSearch(.init(type: "x"), from: 100_000, through: 1)
    let first = search.next(after: .zero)
    #expect(first == 98_001...100_000)
    search.take([], of: 98_001...100_000)
    #expect(search.next(after: .milliseconds(149)) == 96_001...98_000)
    #expect(search.next(after: .milliseconds(150)) == nil)
    #expect(search.rest == 98_000 && search.searched == (98_001, 100_000))
    let empty = StreamSearch(.init(), from: 0, through: 1)
    #expect(empty.next(after: .zero) == nil && empty.rest == nil && empty.found.isEmpty)
  }

  /// Over a store, as the routes ask.
  @Test func aStoreIsSearched() async throws {
    let bank = try await TestWriter(Bank())
    for number in 0..<7 {
      #expect(try await bank.post("/accounts/a\(number)/open", #"{"owner":"x"}"#).status == 200)
    }
    #expect(try await bank.post("/accounts/a2/pay-in", #"{"cents":5}"#).status == 200)
    #expect(try await bank.post("/customers/c/register", #"{"name":"n"}"#).status == 200)
    let store = try #require(bank.writer.store.log as? any StreamList)
    var finder = StreamFinder(store: store)
    finder.bounds.streams = 3
    func all(_ question: StreamSearch.Question, isByID: Bool) async throws -> [String] {
      var (found, cursor) = ([String](), PageCursor?.none)
      repeat {
        let page = try await finder.find(question, isByID: isByID, from: cursor)
        found += page.streams.map(\.streamID)
        cursor = page.next
      } while cursor != nil
      return found
    }
    let accounts = (0..<7).map { "account/a\($0)" }
    #expect(try await all(.init(prefix: "account/"), isByID: true) == accounts)
    #expect(try await all(.init(prefix: "account/a3"), isByID: true) == ["account/a3"])
    #expect(try await all(.init(prefix: "b"), isByID: true).isEmpty)
    let newest = ["customer/c", "account/a2"] + accounts.filter { $0 != "account/a2" }.reversed()
    #expect(try await all(.init(), isByID: false) == newest)
    #expect(try await all(.init(type: "deposited"), isByID: false) == ["account/a2"])
    #expect(try await all(.init(type: "opened"), isByID: false) == accounts.reversed())
    #expect(
      try await all(.init(from: .now().advanced(by: 3_600_000_000)), isByID: false).isEmpty)
    // Where few ids begin like that, the events of those are read, however far back they are.
    var near = StreamFinder(store: store)
    near.bounds.events = 5
    near.bounds.step = 1
    near.bounds.fewTime = .seconds(60)
    let few = try await near.find(
      .init(prefix: "account/a1", type: "opened"), isByID: false, from: nil)
    #expect(few.streams.map(\.streamID) == ["account/a1"])
    #expect(few.next == nil && few.searched == nil && !few.isByID)
    for (question, expected) in [
      (.init(prefix: "account/a2", type: "deposited"), ["account/a2"]),
      (.init(prefix: "account/a2", type: "opened", to: .now()), ["account/a2"]),
      (.init(prefix: "account/a2", type: "opened", correlation: "x"), []),
      (.init(prefix: "account/a1", type: "deposited"), []),
      (.init(prefix: "account/a1", from: .now().advanced(by: 3_600_000_000)), []),
    ] as [(StreamSearch.Question, [String])] {
      #expect(
        try await near.find(question, isByID: false, from: nil).streams.map(\.streamID) == expected,
        "\(question)")
    }
    // Where that takes too long, events are read, too.
    var slow = near
    slow.bounds.fewTime = .zero
    let late = try await slow.find(
      .init(prefix: "account/a1", type: "opened"), isByID: false, from: nil)
    #expect(late.next != nil && late.searched != nil)
    // Of many, events are read, and what was is told.
    let many = try await near.find(
      .init(prefix: "account/", type: "opened"), isByID: false, from: nil)
    #expect(many.next != nil && many.head == 9 && many.searched?.to == 9)
    await #expect(throws: RequestError.self) {
      try await finder.find(.init(), isByID: false, from: PageCursor([.text("a")]))
    }
  }
}

extension Timestamp {
  fileprivate func advanced(by microseconds: Int64) -> Timestamp {
    Timestamp(microseconds: self.microseconds + microseconds)
  }
}
