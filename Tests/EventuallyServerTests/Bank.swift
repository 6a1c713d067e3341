import Eventually
import EventuallyKafka
@testable import EventuallyServer
import EventuallySQLite
import Foundation
import HTTPTypes
import Logging

/// A domain with two aggregates, as an application's author writes it.
struct Account: Aggregate {
  static let category: StreamCategory = "account"
  enum Event: Codable { case opened(owner: String), deposited(cents: Int), closed }
  enum Command { case open(owner: String), deposit(Int), close }
  enum Failure: Error { case alreadyOpen, notOpen, notEmpty(cents: Int) }
  struct State: Codable { var owner: String?; var cents = 0 }
  var initialState: State { State() }

  func apply(_ event: Event, to state: inout State) {
    switch event {
    case .opened(let owner): state.owner = owner
    case .deposited(let cents): state.cents += cents
    case .closed: state.owner = nil
    }
  }

  func handle(_ command: Command, id: String, state: State) throws(Failure) -> [Event] {
    switch (command, state.owner) {
    case (.open(let owner), nil): return [.opened(owner: owner)]
    case (.open, _): throw .alreadyOpen
    case (_, nil): throw .notOpen
    case (.deposit(let cents), _): return cents == 0 ? [] : [.deposited(cents: cents)]
    case (.close, _):
      guard state.cents == 0 else { throw .notEmpty(cents: state.cents) }
      return [.closed]
    }
  }
}

struct Customer: Aggregate {
  static let category: StreamCategory = "customer"
  enum Event: Codable { case registered(name: String) }
  enum Command { case register(name: String) }
  enum Failure: Error { case registeredAlready }
  var initialState: String? { nil }
  func apply(_ event: Event, to state: inout String?) {
    if case .registered(let name) = event { state = name }
  }
  func handle(_ command: Command, id: String, state: String?) throws(Failure) -> [Event] {
    guard case .register(let name) = command, state == nil else { throw .registeredAlready }
    return [.registered(name: name)]
  }
}

struct OwnerRow: CodableRow {
  static let table = "owners"
  var owner: String
  var name: String?
  var cents = 0
  var key: String { owner }
}

struct Owners: CompositeReadModel {
  var name = "owners"
  let schemaVersion = 1
  let tables: [any ReadModelRow.Type] = [OwnerRow.self]
  var projections: [On] {
    On(Customer.self) { customer, rows in
      guard case .registered(let name) = customer.event else { return }
      try rows.update(OwnerRow.self, customer.streamID) { row in
        row = OwnerRow(owner: customer.streamID, name: name, cents: row?.cents ?? 0)
      }
    } forget: { id, rows in
      try rows.delete(OwnerRow.self, id)
    }
    On(Account.self) { account, rows in
      guard case .deposited(let cents) = account.event else { return }
      // The account and its owner have the same id here.
      try rows.update(OwnerRow.self, account.streamID) { row in
        row = OwnerRow(owner: account.streamID, name: row?.name, cents: (row?.cents ?? 0) + cents)
      }
    } forget: { id, rows in
      try rows.update(OwnerRow.self, id) { $0?.cents = 0 }
    }
  }
}

struct Opening: Codable { var owner: String }
struct Amount: Codable { var cents: Int }
struct Registration: Codable { var name: String }

struct Bank: EventuallyApplication {
  static let name = "bank"
  var components: [any Component] {
    Query("owners/{id}", of: Owners.self, "An owner") { request, rows in
      try rows.row(OwnerRow.self, request.path("id"))
    }
    Query("owners", of: Owners.self, parameters: .page) { request, rows in
      try request.page(of: OwnerRow.self, in: rows, orderedBy: [.descending("cents")])
    }
    Commands("accounts", for: Account.self) {
      Command("open", "Open an account") { (body: Opening) in .open(owner: body.owner) }
      Command("payIn") { (body: Amount) in .deposit(body.cents) }
      Command("close", .close)
    }
    Commands("customers", for: Customer.self) {
      Command("register") { (body: Registration) in .register(name: body.name) }
    }
    Owners()
    Customer()
    Account()
  }
}

/// A writer on a store in a temporary folder; nothing is published.
final class TestWriter: Sendable {
  let writer: Writer
  let api: API
  let folder: String

  init(
    _ application: some EventuallyApplication, limits: ServerLimits = ServerLimits(),
    store: StoreLocation? = nil
  ) async throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "bank-\(UUID())").path()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    var options = Writer.Options(
      store: store ?? .file("\(folder)/store.sqlite"),
      kafka: KafkaConfiguration(brokers: "127.0.0.1:1", topic: "bank"))
    options.partitionCount = 4
    options.limits = limits
    writer = try await Writer(ApplicationModel(application), options: options, logger: logger)
    api = try writer.api()
  }

  deinit {
    // What can't be removed lies in the system's temporary directory.
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// The queries of a read model that is made of what the store holds now.
  func queries(of name: String) async throws -> QueryServer {
    let directory = "\(folder)/read-models"
    guard let definition = writer.application.readModel(name) else {
      throw Failure("there is no read model '\(name)'")
    }
    try await build(definition, in: .folder(directory))
    return try QueryServer(writer.application, directory: directory)
  }

  /// Makes a read model of what the store holds now.
  func build<Definition: ReadModelDefinition>(
    _ definition: Definition, in location: ReadModelLocation
  ) async throws {
    let replay = try await Replay(
      "test", in: definition.catalog(in: location), model: definition.model,
      codec: definition.codec, log: writer.store.log
    ) { nil }
    _ = try await replay.run { _ in }
  }

  /// Status and body of an answer.
  func send(
    _ method: HTTPRequest.Method, _ path: String, _ json: String = ""
  ) async throws -> (status: Int, body: String) {
    let response = await api.answer(APIRequest(method, path, body: Array(json.utf8)))
    return (response.status.code, String(decoding: try await response.wholeBody(), as: UTF8.self))
  }

  func post(_ path: String, _ json: String = "") async throws -> (status: Int, body: String) {
    try await send(.post, path, json)
  }
}
