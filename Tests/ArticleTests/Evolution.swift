import Eventually
import EventuallySQLite
import Testing

/// The code of the article "Events that change their form" of Eventually.
enum Evolution {
  enum Before {
    // snippet.before
    struct Account: Aggregate {
      static let category: StreamCategory = "account"

      enum Event: Codable { case deposited(amount: Int), withdrawn(amount: Int) }
      enum Command { case deposit(Int), withdraw(Int) }
      enum Failure: Error { case notCovered }
      var initialState: Int { 0 }
      // snippet.end

      func apply(_ event: Event, to balance: inout Int) {
        switch event {
        case .deposited(let amount): balance += amount
        case .withdrawn(let amount): balance -= amount
        }
      }

      func handle(_ command: Command, id: String, state: Int) throws(Failure) -> [Event] {
        switch command {
        case .deposit(let amount): return [.deposited(amount: amount)]
        case .withdraw(let amount):
          guard amount <= state else { throw .notCovered }
          return [.withdrawn(amount: amount)]
        }
      }
      // snippet.before
      // snippet.text   …
    }
    // snippet.end
  }

  // snippet.after
  struct Account: CodedAggregate {
    static let category: StreamCategory = "account"

    enum Event: NamedEvent, Equatable {
      case deposited(amount: Int, source: String)
      case withdrawn(amount: Int)

      /// What has not changed keeps the name that it was stored with.
      var eventType: String {
        switch self {
        case .deposited: "deposited.v2"
        case .withdrawn: "withdrawn"
        }
      }

      static let eventTypes: [String]? = ["deposited.v2", "withdrawn"]
    }

    static let codec = UpcastingCodec(
      JSONEventCodec<Event>(),
      [Upcast("deposited", from: 1) { payload in try addSource(to: payload) }])

    /// At first all deposits were made in cash.
    private static func addSource(to payload: Span<UInt8>) throws -> [UInt8] {
      enum First: Codable { case deposited(amount: Int) }
      var bytes: [UInt8] = []
      switch try JSONEventCodec<First>().decode(type: "deposited", payload: payload) {
      case .deposited(let amount):
        try JSONEventCodec<Event>().encode(.deposited(amount: amount, source: "cash"), into: &bytes)
      }
      return bytes
    }

    enum Command { case deposit(Int, source: String), withdraw(Int) }
    enum Failure: Error { case notCovered }
    var initialState: Int { 0 }
    // snippet.end

    func apply(_ event: Event, to balance: inout Int) {
      switch event {
      case .deposited(let amount, _): balance += amount
      case .withdrawn(let amount): balance -= amount
      }
    }

    func handle(_ command: Command, id: String, state: Int) throws(Failure) -> [Event] {
      switch command {
      case .deposit(let amount, let source): return [.deposited(amount: amount, source: source)]
      case .withdraw(let amount):
        guard amount <= state else { throw .notCovered }
        return [.withdrawn(amount: amount)]
      }
    }
    // snippet.after
    // snippet.text   …
  }
  // snippet.end

  @Suite struct EvolutionArticleTests {
    @Test func whatWasStoredInTheFirstFormIsRead() async throws {
      let folder = try TemporaryFolder()
      let file = folder.file("store.sqlite")
      do {
        let codec = JSONEventCodec<Before.Account.Event>()
        let store = try SQLiteEventStore(path: file, codec: codec)
        let accounts = Repository(Before.Account(), store: store)
        _ = try await accounts.execute([.deposit(5), .withdraw(2)], on: "alice")
        await store.close()
      }
      let store = try SQLiteEventStore(path: file, codec: Account.codec)
      let accounts = Repository(Account(), store: store)
      #expect(try await accounts.get("alice").state == 3)
      _ = try await accounts.execute([.deposit(1, source: "card")], on: "alice")
      let records = try await store.log.records(ofStream: "alice")
      #expect(records.map(\.type) == ["deposited", "withdrawn", "deposited.v2"])
      let oldest = records[0].payload
      let first = try Account.codec.decode(type: "deposited", payload: oldest.span)
      #expect(first == .deposited(amount: 5, source: "cash"))
      let newest = records[2].payload
      #expect(throws: UnknownEventType.self) {
        try Account.codec.decode(type: "deposited.v3", payload: newest.span)
      }
    }

    @Test func aRepositoryKeepsSnapshots() async throws {
      typealias Account = FirstAggregate.Account
      let folder = try TemporaryFolder()
      let store = try SQLiteEventStore(
        path: folder.file("store.sqlite"), codec: JSONEventCodec<Account.Event>())
      // snippet.snapshots
      let accounts = Repository(
        Account(), store: store,
        snapshots: Snapshots(in: store, codec: JSONSnapshotCodec(schemaVersion: 1), every: 100))
      // snippet.end
      _ = try await accounts.execute(Array(repeating: .deposit(1), count: 150), on: "alice")
      #expect(try await store.snapshot(of: "alice")?.version == 150)
      #expect(try await accounts.get("alice").state == 150)
    }
  }
}
