import Eventually
import EventuallyKafka
import EventuallySQLite
import Foundation
import HTTPTypes
import Logging
import Testing

@testable import EventuallyServer

/// A writer whose code can't decode what its store holds.
@Suite struct UnreadableTypeTests {
  private struct First: Seats {
    enum Event: Codable { case reserved(seat: Int), released }
    static let reserved = Event.reserved(seat: 1)
    static let released = Event.released
  }
  /// A further member that is required: none of the stored events has it.
  private struct Changed: Seats {
    enum Event: Codable { case reserved(seat: Int, row: String), released }
    static let reserved = Event.reserved(seat: 1, row: "A")
    static let released = Event.released
  }
  /// A further member that may be left out, and a further case.
  private struct Extended: Seats {
    enum Event: Codable { case reserved(seat: Int, row: String?), released, blocked }
    static let reserved = Event.reserved(seat: 1, row: nil)
    static let released = Event.released
  }
  private struct Cinema<Model: Seats>: EventuallyApplication {
    static var name: String { "cinema" }
    var components: [any Component] { Model() }
  }

  private let folder = FileManager.default.temporaryDirectory.appending(path: "cinema-\(UUID())")
  private var store: String { folder.appending(path: "store.sqlite").path() }

  private func writer<Model: Seats>(
    _ model: Model.Type, accepting: Bool = false
  ) async throws -> Writer {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var options = Writer.Options(
      store: store, kafka: KafkaConfiguration(brokers: "127.0.0.1:1", topic: "cinema"))
    options.partitionCount = 1
    options.acceptsUnreadableTypes = accepting
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    return try await Writer(ApplicationModel(Cinema<Model>()), options: options, logger: logger)
  }

  private func fill<Model: Seats>(_ model: Model.Type, accepting: Bool = false) async throws {
    let writer = try await writer(model, accepting: accepting)
    _ = try await writer.repository(of: model).execute([true, true, false], on: "a")
    await writer.store.close()
  }

  private func ready(_ writer: Writer) async throws -> String {
    await writer.readability.check()
    let answer = try await writer.api().answer(APIRequest(.get, "/readyz"))
    return "\(answer.status.code) "
      + String(decoding: try await answer.wholeBody(), as: UTF8.self)
  }

  @Test func aFormThatChangedWithoutANewNameIsRefused() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try await fill(First.self)
    let error = try await #require(throws: UnreadableType.self) { try await writer(Changed.self) }
    #expect(error.type == "reserved" && error.position.sequenceNumber == 2)
    for words in ["category 'seats'", "row", "'reserved.v2'", "--accept-unreadable-types"] {
      #expect(error.description.contains(words), "\(words): \(error)")
    }
    // The refusal leaves the store as it was, for the code before.
    try await fill(First.self)
  }

  @Test func aFormThatReadsTheOldOneIsNot() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try await fill(First.self)
    let writer = try await writer(Extended.self)
    #expect(try await ready(writer).hasPrefix(#"200 {"status":"ready","reasons":[]"#))
    await writer.store.close()
  }

  /// What is older than the events that are looked at first is found by the writer while it runs.
  @Test func readinessTellsOfATypeThatIsFoundLater() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try await fill(First.self)
    let before = try await writer(First.self)
    _ = try await before.repository(of: First.self).execute(
      Array(repeating: false, count: 10_000), on: "b")
    await before.store.close()
    let writer = try await writer(Changed.self)
    let told = try await ready(writer)
    #expect(told.hasPrefix(#"503 {"status":"not ready""#), "\(told)")
    #expect(told.contains("the type 'reserved' of the category 'seats'"), "\(told)")
    await writer.store.close()
  }

  @Test func whatIsAcceptedIsNoReason() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try await fill(First.self)
    let writer = try await writer(Changed.self, accepting: true)
    let told = try await ready(writer)
    #expect(told.hasPrefix("200 ") && told.contains(#""unreadableEvents":2"#), "\(told)")
    await writer.store.close()
  }

  /// Up to the newest three of a type decide: one that is damaged is no change of the form.
  @Test(arguments: [
    ("x", true), ("xx", true), ("xxx", true), ("o", false), ("oxx", false), ("oxxx", true),
    ("xxxo", false), ("xo", false), ("ox", false), ("", false),
  ])
  func theNewestEventsOfATypeDecide(events: String, isUnreadable: Bool) {
    var types = TypeReadability()
    for (index, event) in events.enumerated() {
      let record = EventRecord(
        id: EventID(high: 0, low: 0), type: "reserved", streamID: "seats/a",
        position: EventPosition(
          partition: 0, partitionOffset: 1, sequenceNumber: UInt64(index), version: 1),
        time: Timestamp(microseconds: 0), payload: [])
      types.add(record, reason: event == "x" ? "damaged" : nil)
    }
    #expect(types.unreadable.isEmpty == !isUnreadable)
  }
}

/// An aggregate of which only the form of its events differs.
private protocol Seats: Aggregate
where ID == String, State == Int, Command == Bool, Failure == Never, Event: Codable {
  static var reserved: Event { get }
  static var released: Event { get }
  init()
}

extension Seats {
  static var category: StreamCategory { "seats" }
  var initialState: Int { 0 }
  func apply(_ event: Event, to state: inout Int) { state += 1 }
  func handle(_ command: Bool, id: String, state: Int) -> [Event] {
    [command ? Self.reserved : Self.released]
  }
}
