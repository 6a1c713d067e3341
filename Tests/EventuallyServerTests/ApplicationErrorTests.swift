import Eventually
import EventuallySQLite
import Testing

@testable import EventuallyServer

/// Whatever does not fit is an error that names it, before anything starts.
@Suite struct ApplicationErrorTests {
  private struct Parts: EventuallyApplication {
    @TaskLocal static var parts: [any Component] = []
    static let name = "parts"
    var components: [any Component] { Group(parts: Self.parts) }
  }

  private struct Group: Component {
    let parts: [any Component]
    func register(in registry: inout Registry) {
      for part in parts { part.register(in: &registry) }
    }
  }

  /// An enumeration of texts whose cases no decoder finds.
  private enum Colour: String, Codable { case red, green }
  private struct Paint: Codable { var colour: Colour }

  private static func open(_ body: Opening) -> Account.Command { .open(owner: body.owner) }

  private func error(@ComponentBuilder _ parts: () -> [any Component]) -> String {
    do {
      _ = try Parts.$parts.withValue(parts()) { try ApplicationModel(Parts()) }
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  private struct RatioRow: CodableRow {
    static let table = "ratios"
    var name: String
    var ratio: Double
    var key: String { name }
  }

  private struct Ratios: ReadModel {
    let name = "ratios"
    let schemaVersion = 1
    let tables: [any ReadModelRow.Type] = [RatioRow.self]
    func project(_ event: Persisted<String, Account.Event>, into rows: Rows) {}
    func forget(_ streamID: String, in rows: Rows) {}
  }

  private struct Named: ReadModel {
    let name: String
    let schemaVersion = 1
    let tables: [any ReadModelRow.Type] = [OwnerRow.self]
    func project(_ event: Persisted<String, Account.Event>, into rows: Rows) {}
    func forget(_ streamID: String, in rows: Rows) {}
  }

  private struct Unsnapped: SnapshottedAggregate {
    static let category: StreamCategory = "unsnapped"
    static let stateCodec = JSONSnapshotCodec<Int>(schemaVersion: 1)
    static let snapshotInterval: UInt64 = 0
    enum Event: Codable { case added }
    enum Failure: Error {}
    var initialState: Int { 0 }
    func apply(_ event: Event, to state: inout Int) { state += 1 }
    func handle(_ command: Int, id: String, state: Int) throws(Failure) -> [Event] { [.added] }
  }

  @Test func whatDoesNotFitIsNamed() {
    let query = Query("owners", of: Owners.self) { _, rows in try rows.rows(OwnerRow.self) }
    func named(_ path: String) -> Query {
      Query(path, of: Owners.self) { _, rows in try rows.rows(OwnerRow.self) }
    }
    let commands = Commands("accounts", for: Account.self) { Command("open", "", Self.open) }
    for (found, words) in [
      (error {}, "has no aggregate"),
      (
        error { Unsnapped() },
        "the aggregate Unsnapped has a `snapshotInterval` of 0: it must be at least 1"
      ),
      (
        error {
          Account(); Account()
        }, "have the same category"
      ),
      (
        error {
          Account(); query
        }, "the query '/owners' is of Owners"
      ),
      (
        error {
          Customer(); commands
        }, "commands for Account"
      ),
      (
        error {
          Account(); Owners()
        }, "takes events of the category 'customer'"
      ),
      (
        error {
          Account(); Customer(); Owners(); Owners()
        }, "two read models are called the same"
      ),
      (
        error {
          Account(); Customer(); Owners(name: "account")
        }, "the read model 'account' is called like the aggregate Account"
      ),
      (
        error {
          Account(); Customer(); Owners(); query; query
        }, "two queries have the same path"
      ),
      (
        error {
          Account(); Named(name: "a"); Named(name: "b")
          Query("rows", of: Named.self) { _, rows in try rows.rows(OwnerRow.self) }
        }, "the query '/rows' is of Named, which is among the components 2 times"
      ),
      (
        error {
          Account(); Named(name: "../store")
        }, "the name of a read model, '../store', must be"
      ),
      (
        error {
          Account(); Customer(); Owners()
          Query("owners", of: Owners.self, parameters: [.query("after", "", .string())]) {
            _, rows in try rows.rows(OwnerRow.self)
          }
        }, "another name for its parameter 'after'"
      ),
      (
        error {
          Account(); commands; commands
        }, "below the same path"
      ),
      (
        error {
          Account(); Customer(); Owners(); named("owners/{id}"); named("/owners/{owner}")
        }, "two queries have the same path"
      ),
      (
        error {
          Account(); Customer(); Owners(); named("owners/{id}.json")
        }, "must have parts that are either"
      ),
      (
        error {
          Account(); Customer(); Owners(); named("owners/{id}/{id}")
        }, "must have names, and different ones"
      ),
      (
        error {
          Account(); Customer(); Owners(); named("openapi.json")
        }, "is taken"
      ),
      (
        error {
          Account()
          Commands("/accounts", for: Account.self) { Command("open", "", Self.open) }
        }, "without slashes around it"
      ),
      (
        error {
          Account()
          Commands("accounts", for: Account.self) { Command("open it", "", Self.open) }
        }, "without spaces"
      ),
      (
        error {
          Account()
          Commands("accounts", for: Account.self) { Command("", "", Self.open) }
        }, "needs another name"
      ),
      (
        error {
          Account()
          Commands("accounts", for: Account.self) { Command("history", "", Self.open) }
        }, "the command 'history' below 'accounts' needs another name"
      ),
      (
        error {
          Account()
          Commands("accounts", for: Account.self) {
            Command("paint") { (_: Paint) in .close }
          }
        }, "CaseIterable"
      ),
    ] {
      #expect(found.contains(words), "\(found)")
    }
  }

  @Test func anApplicationIsCalledWhatATopicCanBe() {
    struct Spaced: EventuallyApplication {
      static let name = "my bank"
      var components: [any Component] { Account() }
    }
    #expect(throws: ApplicationError.self) { try ApplicationModel(Spaced()) }
  }

  /// Where read models are in one kind of database, a query that is written for another one is refused at the start.
  @Test func aQueryForAnotherDatabaseIsRefused() throws {
    func check(
      _ sql: Query.SQL, on dialect: SQLDialect, of names: [String] = ["owners"]
    ) throws -> String {
      let application = try model {
        Account(); Customer(); Owners()
        Query("owners/{id}", of: Owners.self, sql: sql) { _, rows in
          try rows.integer("SELECT count(*) FROM owners")
        }
      }
      do throws(ApplicationError) {
        try application.check(queriesOf: names, on: dialect)
        return ""
      } catch { return "\(error)" }
    }
    for dialect in [SQLDialect.sqlite, .postgres] {
      #expect(try check(.any, on: dialect).isEmpty)
      #expect(try check(.only(dialect), on: dialect).isEmpty)
    }
    let refused = try check(.only(.postgres), on: .sqlite)
    #expect(refused.contains("'/owners/{id}' is written for PostgreSQL"), "\(refused)")
    #expect(refused.contains("in SQLite: keep them in PostgreSQL"), "\(refused)")
    #expect(try check(.only(.sqlite), on: .postgres).contains("written for SQLite"))
    // A process answers the queries of its own read models.
    #expect(try check(.only(.sqlite), on: .postgres, of: ["others"]).isEmpty)
    let application = try model {
      Account(); Customer(); Owners()
      Query("owners", of: Owners.self, sql: .only(.postgres)) { _, rows in
        try rows.rows(OwnerRow.self)
      }
    }
    #expect(throws: ApplicationError.self) { try QueryServer(application, directory: "") }
  }

  /// A query that takes SQLite's connection is SQLite's without saying so.
  @Test func aQueryOnAConnectionIsSQLites() throws {
    let application = try model {
      Account(); Customer(); Owners()
      Query.onSQLite(
        "count", of: Owners.self, "How many", answers: [API.Response(200, "The number", .any)]
      ) { _, connection in
        let count = try connection.integer("SELECT count(*) FROM owners")
        return JSONResponse { $0.integer(count ?? 0) }
      }
    }
    try application.check(queriesOf: ["owners"], on: .sqlite)
    #expect(throws: ApplicationError.self) {
      try application.check(queriesOf: ["owners"], on: .postgres)
    }
  }

  private func model(
    @ComponentBuilder _ parts: () -> [any Component]
  ) throws -> ApplicationModel {
    try Parts.$parts.withValue(parts()) { try ApplicationModel(Parts()) }
  }
}
