import Eventually
import EventuallySQLite
import Foundation
import Testing

/// Several aggregates in one store, each by a typed view of its own.
@Suite struct CategoryViewTests {
  struct Account: CodedAggregate {
    enum Event: Codable, Equatable { case opened, deposited(Int) }
    enum Command { case open, deposit(Int) }
    struct Refusal: Error {}
    static let category: StreamCategory = "account"
    static let codec = JSONEventCodec<Event>()
    let initialState = 0
    func apply(_ event: Event, to state: inout Int) throws(Refusal) {
      if case .deposited(let amount) = event { state += amount }
    }
    func handle(_ command: Command, id: String, state: Int) throws(Refusal) -> [Event] {
      switch command {
      case .open: [.opened]
      case .deposit(let amount): [.deposited(amount)]
      }
    }
  }

  enum Customer: Codable, Equatable { case named(String) }

  private typealias Accounts = SQLiteEventStore<JSONEventCodec<Account.Event>>
  private typealias Customers = SQLiteEventStore<JSONEventCodec<Customer>>

  private let folder: TemporaryFolder
  private let store: SQLiteEventStore<CategoriesCodec>
  private let accounts: Accounts
  private let customers: Customers

  init() throws {
    folder = try TemporaryFolder()
    store = try SQLiteEventStore(
      path: folder.file("store.sqlite"),
      codec: CategoriesCodec(
        ["account": Account.codec, "customer": JSONEventCodec<Customer>()], isComplete: true))
    accounts = Accounts(store, category: "account", codec: Account.codec)
    customers = Customers(store, category: "customer", codec: JSONEventCodec())
  }

  private func text<Event>(_ entry: LogEntry<String, Event>) -> String {
    switch entry {
    case .event(let persisted): "\(persisted.streamID) \(persisted.event)"
    case .removed(let id, _, _): "removed \(id)"
    case .erased: "erased"
    case .other: "other"
    case .unreadable(let event): "unreadable \(event.streamID)"
    }
  }

  @Test func equalIDsDoNotCollide() async throws {
    _ = try await accounts.append([.opened, .deposited(5)], to: "1", expecting: .exact(0))
    let named = try await customers.append([.named("Ada")], to: "1", expecting: .exact(0))
    #expect(named.version == 1 && named.last.sequenceNumber == 3)
    let events = try await collect(accounts.stream("1", .all))
    #expect(events.map(\.event) == [.opened, .deposited(5)])
    #expect(events.map(\.streamID) == ["1", "1"])
    #expect(try await collect(customers.stream("1", .all)).map(\.event) == [.named("Ada")])

    let all = try await collect(accounts.streamAll(.all)).map(text)
    #expect(all == ["1 opened", "1 deposited(5)", "other"])
    #expect(
      try await collect(customers.streamAll(.all)).map(text) == [
        "other", "other", "1 named(\"Ada\")",
      ])
    let records = try await store.records(after: 0, limit: 9)
    #expect(records.map(\.streamID) == ["account/1", "account/1", "customer/1"])
    let any = try await collect(store.streamAll(.all))
    #expect(any.compactMap(\.streamID) == ["account/1", "account/1", "customer/1"])

    let removal = try #require(try await accounts.remove("1"))
    #expect(removal.sequenceNumber == 4)
    #expect(try await collect(accounts.stream("1", .all)).isEmpty)
    #expect(try await collect(customers.stream("1", .all)).count == 1)
    #expect(
      try await collect(accounts.streamAll(.all)).map(text)
        == ["erased", "erased", "other", "removed 1"])
    #expect(
      try await collect(customers.streamAll(.all)).map(text)
        == ["erased", "erased", "1 named(\"Ada\")", "other"])
    let conflict = try await #require(throws: EventStoreError.self) {
      _ = try await customers.append([.named("Eve")], to: "1", expecting: .exact(0))
    }
    guard case .conflict(let found) = conflict else { throw conflict }
    #expect(found == VersionConflict(streamID: "customer/1", expected: 0, actual: 1))
  }

  @Test(.timeLimit(.minutes(5))) func aSubscriptionSeesItsOwnEvents() async throws {
    _ = try await accounts.append([.opened], to: "1", expecting: .any)
    var entries = customers.subscribeAll(after: 0).makeAsyncIterator()
    #expect(try await entries.next().map(text) == "other")
    async let next = entries.next().map(text)
    _ = try await customers.append([.named("Ada")], to: "1", expecting: .any)
    #expect(try await next == "1 named(\"Ada\")")
  }

  @Test func snapshotsAreOfTheirOwnStream() async throws {
    let repository = Repository(
      Account(), store: accounts,
      snapshots: Snapshots(in: accounts, codec: JSONSnapshotCodec(schemaVersion: 1), every: 2))
    _ = try await customers.append([.named("Ada")], to: "1", expecting: .any)
    _ = try await repository.execute([.open, .deposit(5), .deposit(2)], on: "1")
    #expect(try await accounts.snapshot(of: "1")?.version == 3)
    #expect(try await customers.snapshot(of: "1") == nil)
    #expect(try await store.snapshot(of: "account/1")?.version == 3)
    #expect(try await repository.get("1").state == 7)
    _ = try await repository.remove("1")
    #expect(try await accounts.snapshot(of: "1") == nil)
  }

  @Test func idsThatMakeNoNameAreRefused() async throws {
    let unnamed = Accounts(store, category: .unnamed, codec: Account.codec)
    func refuses(_ id: String, in view: Accounts) async {
      await #expect(throws: EventStoreError.self, "'\(id.prefix(20))'") {
        _ = try await view.append([.opened], to: id, expecting: .any)
      }
      await #expect(throws: EventStoreError.self) { try await view.remove(id) }
      await #expect(throws: EventStoreError.self) { _ = try await collect(view.stream(id, .all)) }
      await #expect(throws: EventStoreError.self) { _ = try await view.snapshot(of: id) }
      #expect(view.size(ofLargeStream: id) == 0)
    }
    await refuses("", in: accounts)
    await refuses(String(repeating: "a", count: 505), in: accounts)
    await refuses("account/1", in: unnamed)
    await refuses("", in: unnamed)
    _ = try await accounts.append(
      [.opened], to: String(repeating: "a", count: 504), expecting: .any)
    _ = try await accounts.append([.opened], to: "a/b", expecting: .any)
    #expect(try await collect(accounts.stream("a/b", .all)).map(\.streamID) == ["a/b"])
  }

  @Test func theStoreTakesEventsOfAnyCategory() async throws {
    func append(_ category: StreamCategory, _ event: any Sendable, _ stream: String) async throws {
      _ = try await store.append(
        [AnyEvent(category: category, event: event)], to: stream, expecting: .any)
    }
    try await append("customer", Customer.named("Ada"), "customer/1")
    #expect(try await collect(customers.stream("1", .all)).map(\.event) == [.named("Ada")])
    for (category, event, stream) in [
      ("account", Customer.named("Ada"), "account/1"),
      ("account", Account.Event.opened, "customer/1"), ("account", Account.Event.opened, "1"),
    ] as [(StreamCategory, any Sendable, String)] {
      await #expect(throws: EventStoreError.self, "\(stream)") {
        try await append(category, event, stream)
      }
    }
    #expect(store.head.position == 1)
  }

  @Test func aStoreWithoutCategoriesOpens() async throws {
    let path = folder.file("old.sqlite")
    let old = try Accounts(path: path, codec: Account.codec)
    _ = try await old.append([.opened], to: "1", expecting: .exact(0))
    _ = try await old.append([.opened], to: "any/name", expecting: .exact(0))
    await old.close()
    let opened = try SQLiteEventStore(
      path: path, codec: CategoriesCodec([.unnamed: Account.codec], isComplete: false))
    let view = Accounts(opened, category: .unnamed, codec: Account.codec)
    _ = try await view.append([.deposited(3)], to: "1", expecting: .exact(1))
    #expect(try await collect(view.stream("1", .all)).map(\.event) == [.opened, .deposited(3)])
    #expect(
      try await collect(view.streamAll(.all)).map(text) == ["1 opened", "other", "1 deposited(3)"])
    let customers = Customers(opened, category: "customer", codec: JSONEventCodec())
    _ = try await customers.append([.named("Ada")], to: "1", expecting: .exact(0))
    #expect(try await collect(customers.stream("1", .all)).map(\.event) == [.named("Ada")])
  }
}
