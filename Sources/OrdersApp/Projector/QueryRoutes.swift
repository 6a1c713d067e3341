import Eventually
import EventuallySQLite
import Hummingbird
import Orders

/// A read model's database, opened when it is first asked for: a worker may not have made it yet.
final class ReadModelSource: Sendable {
  let name: ReadModelName
  let path: String
  private let reader = Locked<ReadModelReader?>(nil)

  init(_ name: ReadModelName, directory: String) {
    self.name = name
    path = name.path(in: directory)
  }

  func open() throws(ReadModelError) -> ReadModelReader {
    // Opening is rare, and whoever comes meanwhile needs the same.
    try reader.withLock { (reader) throws(ReadModelError) in
      if let reader { return reader }
      let opened = try ReadModelReader(path: path, model: name.model)
      reader = opened
      return opened
    }
  }
}

/// The queries of the read models, over HTTP.
struct QueryRoutes: Sendable {
  let sources: [ReadModelName: ReadModelSource]

  init(directory: String, names: [ReadModelName]) {
    sources = Dictionary(
      uniqueKeysWithValues: names.map { ($0, ReadModelSource($0, directory: directory)) })
  }

  func add(to router: Router<BasicRequestContext>) {
    if let source = sources[.orders] {
      router.get("/orders") { request, _ in try await orders(source, request) }
      router.get("/orders/:id") { _, context in
        try await order(source, id: try context.parameters.require("id"))
      }
    }
    if let source = sources[.sales] {
      router.get("/sales") { _, _ in try await totals(source) }
      router.get("/sales/days") { request, _ in
        try await sales(source, request, SalesQueries.days)
      }
      router.get("/sales/countries") { request, _ in
        try await sales(source, request, SalesQueries.countries)
      }
      router.get("/sales/products") { request, _ in
        try await sales(source, request, SalesQueries.products)
      }
    }
    if let source = sources[.customers] {
      router.get("/customers") { request, _ in try await customers(source, request) }
      router.get("/customers/:id") { _, context in
        try await customer(source, id: try context.parameters.require("id"))
      }
    }
  }

  private func limit(_ request: Request) throws -> Int64 {
    Int64(try request.number("limit", default: 20, in: 1...1000))
  }

  private func orders(_ source: ReadModelSource, _ request: Request) async throws -> Reply {
    let limit = try limit(request)
    let customer = request.uri.queryParameters["customer"].map { String($0) }
    let orders = try await source.open().read {
      try OrderQueries.newest($0, customer: customer, limit: limit)
    }
    return Reply { json in
      json.beginArray()
      for order in orders { order.write(&json) }
      json.endArray()
    }
  }

  private func order(_ source: ReadModelSource, id: String) async throws -> Reply {
    guard let order = try await source.open().read({ try OrderQueries.order($0, id: id) }) else {
      throw HTTPError(
        .notFound, message: "the read model 'orders' has no order '\(id.prefix(80))'")
    }
    return Reply { order.write(&$0) }
  }

  private func totals(_ source: ReadModelSource) async throws -> Reply {
    let totals = try await source.open().read { try SalesQueries.totals($0) }
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
    _ source: ReadModelSource, _ request: Request,
    _ query: @escaping @Sendable (SQLiteConnection, Int64) throws -> [SalesAnswer]
  ) async throws -> Reply {
    let limit = try limit(request)
    let answers = try await source.open().read { try query($0, limit) }
    return Reply { json in
      json.beginArray()
      for answer in answers { answer.write(&json) }
      json.endArray()
    }
  }

  private func customers(_ source: ReadModelSource, _ request: Request) async throws -> Reply {
    let limit = try limit(request)
    let customers = try await source.open().read { try CustomerQueries.top($0, limit: limit) }
    return Reply { json in
      json.beginArray()
      for customer in customers { customer.write(&json) }
      json.endArray()
    }
  }

  private func customer(_ source: ReadModelSource, id: String) async throws -> Reply {
    let found = try await source.open().read { try CustomerQueries.customer($0, id: id) }
    guard let found else {
      throw HTTPError(
        .notFound, message: "the read model 'customers' has no customer '\(id.prefix(80))'")
    }
    return Reply { found.write(&$0) }
  }
}
