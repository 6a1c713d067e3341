import Eventually
import EventuallySQLite
import Foundation
import Testing

/// A read model of two of the three aggregates in a store, in its database.
@Suite(.timeLimit(.minutes(5))) struct CompositeDatabaseTests {
  private enum Account: Codable { case opened(owner: String), closed }
  private enum Customer: Codable { case named(String) }
  private enum Note: Codable { case written }

  private struct Accounts: Aggregate {
    typealias Event = Account
    enum Command {}
    static let category: StreamCategory = "account"
    let initialState = 0
    func apply(_ event: Account, to state: inout Int) throws(Never) {}
    func handle(_ command: Command, id: String, state: Int) throws(Never) -> [Account] {}
  }

  private struct Customers: Aggregate {
    typealias Event = Customer
    enum Command {}
    static let category: StreamCategory = "customer"
    let initialState = 0
    func apply(_ event: Customer, to state: inout Int) throws(Never) {}
    func handle(_ command: Command, id: String, state: Int) throws(Never) -> [Customer] {}
  }

  private struct OwnerRow: CodableRow, Equatable {
    static let table = "owners"
    var id: String
    var text = ""
    var key: String { id }
  }

  private struct Owners: CompositeReadModel {
    struct Refused: Error {}
    let name = "owners"
    let schemaVersion = 1
    let tables: [any ReadModelRow.Type] = [OwnerRow.self]
    var isFixed = false

    var projections: [On] {
      On(Accounts.self) { account, rows in
        if case .opened("") = account.event, !isFixed { throw Refused() }
        try rows.update(OwnerRow.self, "account \(account.streamID)") {
          $0 = $0 ?? OwnerRow(id: "account \(account.streamID)")
          if case .opened(let owner) = account.event { $0?.text += owner } else { $0?.text += "." }
        }
      } forget: { id, rows in
        try rows.delete(OwnerRow.self, "account \(id)")
      }
      On(Customers.self) { customer, rows in
        guard case .named(let name) = customer.event else { return }
        try rows.put(OwnerRow(id: "customer \(customer.streamID)", text: name))
      } forget: { id, rows in
        try rows.delete(OwnerRow.self, "customer \(id)")
      }
    }
  }

  /// One category alone, which goes by ids.
  private struct CustomersModel: ReadModel {
    let name = "customers"
    let schemaVersion = 1
    let tables: [any ReadModelRow.Type] = [OwnerRow.self]
    func project(_ event: Persisted<String, Customer>, into rows: Rows) throws {
      guard case .named(let name) = event.event else { return }
      try rows.put(OwnerRow(id: event.streamID, text: name))
    }
    func forget(_ streamID: String, in rows: Rows) throws {
      try rows.delete(OwnerRow.self, streamID)
    }
  }

  private static let partitions: Partition = 3

  private let folder: TemporaryFolder
  private let store: SQLiteEventStore<CategoriesCodec>
  private let accounts: SQLiteEventStore<JSONEventCodec<Account>>
  private let customers: SQLiteEventStore<JSONEventCodec<Customer>>
  private let notes: SQLiteEventStore<JSONEventCodec<Note>>

  init() throws {
    folder = try TemporaryFolder()
    store = try SQLiteEventStore(
      path: folder.file("store.sqlite"), codec: CategoriesCodec([:], isComplete: false),
      options: .init(partitionCount: Self.partitions))
    accounts = SQLiteEventStore(store, category: "account", codec: JSONEventCodec())
    customers = SQLiteEventStore(store, category: "customer", codec: JSONEventCodec())
    notes = SQLiteEventStore(store, category: "note", codec: JSONEventCodec())
  }

  private func open<Model: ReadModel>(
    _ model: Model, _ codec: some EventCodec<Model.Event>
  ) throws -> ReadModelDatabase<Model> {
    try ReadModelDatabase(
      path: folder.file("\(model.name).sqlite"), model: model, codec: codec,
      storeID: store.storeID, partitionCount: Self.partitions)
  }

  private func open(_ owners: Owners) throws -> ReadModelDatabase<CompositeProjection> {
    let projection = try CompositeProjection(owners)
    return try open(projection, projection.codec)
  }

  private func project<Model: ReadModel>(
    into database: ReadModelDatabase<Model>, _ codec: some EventCodec<Model.Event>
  ) async throws {
    let subscription = LogSubscription(
      store.log, codec: codec, checkpoints: database,
      partitions: Array(0..<Self.partitions), through: try await store.log.heads(), owner: "test",
      pageSize: 2)
    let retry = RetryPolicy(
      attempts: 2, firstPause: .milliseconds(1), longestPause: .milliseconds(1))
    await ReadModelProjector(subscription, into: database, retry: retry, parking: retry).run()
  }

  private func project(into database: ReadModelDatabase<CompositeProjection>) async throws {
    try await project(into: database, CompositeProjection(Owners()).codec)
  }

  private func rows(_ name: String = "owners") throws -> [String] {
    try SQLiteConnection(path: folder.file("\(name).sqlite"), mode: .readOnly).rows(
      "SELECT id, text FROM owners ORDER BY id"
    ) { "\($0.text(0)): \($0.text(1))" }
  }

  /// Whether the checkpoints are at the end of the log.
  private func isAtEnd(_ reader: ReadModelReader) async throws -> Bool {
    let heads = try await store.log.heads()
    let positions = try await reader.checkpoints().map { ($0.partition, $0.position ?? 0) }
    return heads.enumerated().allSatisfy { partition, head in
      head == 0 || positions.contains { $0 == (Partition(partition), head) }
    }
  }

  @Test func takesTwoOfThreeAggregates() async throws {
    for id in ["1", "2", "3", "4"] {
      _ = try await notes.append([.written, .written], to: id, expecting: .any)
      _ = try await accounts.append([.opened(owner: "a\(id)")], to: id, expecting: .any)
      _ = try await customers.append([.named("c\(id)")], to: id, expecting: .any)
    }
    _ = try await accounts.remove("2")
    _ = try await notes.remove("3")
    _ = try await customers.remove("4")
    let database = try open(Owners())
    try await project(into: database)
    #expect(
      try rows() == [
        "account 1: a1", "account 3: a3", "account 4: a4", "customer 1: c1", "customer 2: c2",
        "customer 3: c3",
      ])
    let reader = try ReadModelReader(
      path: folder.file("owners.sqlite"), model: try CompositeProjection(Owners()))
    #expect(try await isAtEnd(reader))

    // What comes later, a removal too, is for streams of its own category.
    _ = try await accounts.append([.closed], to: "1", expecting: .any)
    _ = try await customers.remove("1")
    _ = try await notes.remove("1")
    _ = try await accounts.remove("3")
    try await project(into: database)
    #expect(
      try rows() == [
        "account 1: a1.", "account 4: a4", "customer 2: c2", "customer 3: c3",
      ],
      "the read model forgets what was removed of its own categories alone")
    #expect(try await isAtEnd(reader))
  }

  @Test func parksRetriesAndForgets() async throws {
    _ = try await accounts.append([.opened(owner: ""), .closed], to: "1", expecting: .any)
    _ = try await accounts.append([.opened(owner: ""), .closed], to: "2", expecting: .any)
    _ = try await customers.append([.named("c")], to: "1", expecting: .any)
    var database = try open(Owners())
    try await project(into: database)
    #expect(try rows() == ["customer 1: c"])
    let reader = try ReadModelReader(
      path: folder.file("owners.sqlite"), model: try CompositeProjection(Owners()))
    let parked = try await reader.parkedStreams()
    #expect(Set(parked.map(\.streamID)) == ["account/1", "account/2"])
    #expect(parked.map(\.events) == [2, 2])
    #expect(try await reader.parkedEvents(of: "account/1").map(\.type) == ["opened", "closed"])

    await #expect(throws: ProjectionFailures.self) { try await database.retryParked("account/1") }
    database = try open(Owners(isFixed: true))
    #expect(try await database.retryParked("account/1") == 2)
    #expect(try rows() == ["account 1: .", "customer 1: c"])

    // The removal of a parked stream ends its parking.
    _ = try await accounts.remove("2")
    try await project(into: database)
    #expect(try await reader.parkedStreams().isEmpty)
    #expect(try rows() == ["account 1: .", "customer 1: c"])
  }

  @Test func aReadModelOfOneCategoryGoesByIDs() async throws {
    _ = try await accounts.append([.opened(owner: "a")], to: "1", expecting: .any)
    for id in ["1", "2"] {
      _ = try await customers.append([.named("c\(id)")], to: id, expecting: .any)
    }
    _ = try await customers.remove("2")
    let codec = CategoryCodec(JSONEventCodec<Customer>(), category: "customer")
    let database = try open(CategoryReadModel(CustomersModel(), category: "customer"), codec)
    try await project(into: database, codec)
    #expect(try rows("customers") == ["1: c1"])
    _ = try await accounts.remove("1")
    try await project(into: database, codec)
    #expect(try rows("customers") == ["1: c1"])
  }
}
