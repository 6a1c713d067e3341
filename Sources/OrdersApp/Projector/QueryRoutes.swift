import Eventually
import EventuallySQLite
import Foundation
import HTTPTypes
import Hummingbird
import Orders

/// A read model's live generation, opened when it is first asked for: a worker may not have begun it yet.
final class ReadModelSource: Sendable {
  let name: ReadModelName
  private let directory: ReadModelDirectory
  private let timeLimit: Duration?
  private let opened = Locked<ReadModelReader?>(nil)

  init(_ name: ReadModelName, directory: String, timeLimit: Duration?) {
    self.name = name
    self.timeLimit = timeLimit
    self.directory = name.directory(in: directory)
  }

  /// The generation that is live now, for all that one request asks.
  func open() throws(ReadModelError) -> ReadModelReader {
    // Opening is rare, and whoever comes meanwhile needs the same.
    let reader = try opened.withLock { (opened) throws(ReadModelError) -> ReadModelReader in
      if let opened { return opened }
      let reader = try ReadModelReader(
        path: directory.livePath, model: name.model, timeLimit: timeLimit)
      opened = reader
      return reader
    }
    return try reader.current()
  }
}

/// The queries of the read models, over HTTP.
struct QueryRoutes: Sendable {
  let sources: [ReadModelName: ReadModelSource]
  /// Queries that wait for a token.
  private let waiting = Budget(ServerLimits().waitingQueries)

  /// - Parameter timeLimit: how long a query may read; `nil` for as long as it takes.
  init(directory: String, names: [ReadModelName], timeLimit: Duration? = nil) {
    sources = Dictionary(
      uniqueKeysWithValues: names.map {
        ($0, ReadModelSource($0, directory: directory, timeLimit: timeLimit))
      })
  }

  private static let limit = API.Parameter.query("limit", "At most this many", .integer(1...1000))
  private static let consistency = [
    API.Parameter.query(
      "after", "The token of a command's answer: the answer waits until the command has its effect",
      .string(pattern: "^[0-9]{1,9}-[0-9]{1,18}$")),
    API.Parameter.query(
      "wait", "For at most this many seconds", .integer(0...30)),
  ]

  /// The generation that answers a request, once it has what the request asks to see.
  private func reader(
    _ source: ReadModelSource, _ request: Request
  ) async throws -> ReadModelReader {
    let longest = UInt64(ConsistencyToken.longestWait.components.seconds)
    let seconds = try request.number("wait", default: 5, in: 0...longest)
    guard let token = try request.consistencyToken() else { return try source.open() }
    guard let place = waiting.share() else {
      throw Overloaded("\(waiting.limit) queries are waiting for a token")
    }
    defer { withExtendedLifetime(place) {} }
    return try await token.wait(atMost: .seconds(Int64(seconds))) { try source.open() }
  }

  /// Answers a request from one generation.
  private typealias Handler =
    @Sendable (ReadModelReader, Request, BasicRequestContext) async throws -> Reply

  func add(to api: inout API) {
    func add(
      _ source: ReadModelSource, _ path: String, _ summary: String,
      _ parameters: [API.Parameter] = [], missing: String? = nil,
      _ handler: @escaping Handler
    ) {
      var answers = [
        API.Answer(200, "The answer"),
        API.Answer(422, "The id can't be one, or the token is of another store"),
      ]
      if let missing { answers.append(API.Answer(404, missing)) }
      api.add(
        API.Operation(
          method: .get, path: path, summary: summary, parameters: parameters + Self.consistency,
          answers: answers
        ) { request, context in
          let reader = try await reader(source, request)
          return try await handler(reader, request, context)
        })
    }
    if let source = sources[.orders] {
      add(
        source, "/orders", "The newest orders, of all customers or of one",
        [Self.limit, .query("customer", "Only this customer's", .string(minimum: 1, maximum: 100))]
      ) { reader, request, _ in try await orders(reader, request) }
      add(
        source, "/orders/{id}", "An order",
        [.path("id", "The order's id", WriterRoutes.orderIDSchema)],
        missing: "The read model has no such order"
      ) { reader, _, context in try await order(reader, id: try context.pathParameter("id")) }
    }
    if let source = sources[.sales] {
      add(source, "/sales", "The sums over all days, countries and products") {
        reader, _, _ in
        try await totals(reader)
      }
      for (path, summary, query) in [
        ("/sales/days", "The newest days", SalesQueries.days),
        ("/sales/countries", "The countries with the largest revenue", SalesQueries.countries),
        ("/sales/products", "The products with the largest revenue", SalesQueries.products),
      ] {
        add(source, path, summary, [Self.limit]) { reader, request, _ in
          try await sales(reader, request, query)
        }
      }
    }
    if let source = sources[.customers] {
      add(source, "/customers", "The customers with the largest revenue", [Self.limit]) {
        reader, request, _ in
        try await customers(reader, request)
      }
      add(
        source, "/customers/{id}", "A customer",
        [.path("id", "The customer's id", .string(maximum: 100))],
        missing: "The read model has no such customer"
      ) { reader, _, context in try await customer(reader, id: try context.pathParameter("id")) }
    }
  }

  private func limit(_ request: Request) throws -> Int64 {
    Int64(try request.number("limit", default: 20, in: 1...1000))
  }

  private func orders(_ reader: ReadModelReader, _ request: Request) async throws -> Reply {
    let limit = try limit(request)
    let customer = try request.parameter("customer")
    if let customer { try check(customer: customer) }
    let orders = try await reader.read {
      try OrderQueries.newest($0, customer: customer, limit: limit)
    }
    return Reply { json in
      json.beginArray()
      for order in orders { order.write(&json) }
      json.endArray()
    }
  }

  private func order(_ reader: ReadModelReader, id: String) async throws -> Reply {
    guard Order.isValid(id: id) else { throw OrderError.invalidID(id) }
    guard let order = try await reader.lookUp({ try OrderQueries.order($0, id: id) }) else {
      throw HTTPError(
        .notFound, message: "the read model 'orders' has no order '\(id.prefix(80))'")
    }
    return Reply { order.write(&$0) }
  }

  private func totals(_ reader: ReadModelReader) async throws -> Reply {
    let totals = try await reader.read { try SalesQueries.totals($0) }
    return Reply { json in
      json.beginObject()
      json.key("days")
      totals.days.write(&json)
      json.key("countries")
      totals.countries.write(&json)
      json.key("products")
      // How many orders a product is in is no sum that means anything over products.
      totals.products.write(&json, withOrders: false)
      json.endObject()
    }
  }

  private func sales(
    _ reader: ReadModelReader, _ request: Request,
    _ query: @escaping @Sendable (SQLiteConnection, Int64) throws -> [SalesAnswer]
  ) async throws -> Reply {
    let limit = try limit(request)
    let answers = try await reader.read { try query($0, limit) }
    return Reply { json in
      json.beginArray()
      for answer in answers { answer.write(&json) }
      json.endArray()
    }
  }

  private func customers(_ reader: ReadModelReader, _ request: Request) async throws -> Reply {
    let limit = try limit(request)
    let customers = try await reader.read { try CustomerQueries.top($0, limit: limit) }
    return Reply { json in
      json.beginArray()
      for customer in customers { customer.write(&json) }
      json.endArray()
    }
  }

  private func check(customer id: String) throws {
    guard (1...100).contains(id.utf8.count) else {
      throw HTTPError(.unprocessableContent, message: "a customer's id has 1 to 100 bytes")
    }
  }

  private func customer(_ reader: ReadModelReader, id: String) async throws -> Reply {
    try check(customer: id)
    let found = try await reader.lookUp { try CustomerQueries.customer($0, id: id) }
    guard let found else {
      throw HTTPError(
        .notFound, message: "the read model 'customers' has no customer '\(id.prefix(80))'")
    }
    return Reply { found.write(&$0) }
  }
}
