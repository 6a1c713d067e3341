import Eventually
import EventuallySQLite
import Foundation
import HTTPTypes
import Hummingbird
import Orders

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A read model's database, opened when it is first asked for: a worker may not have made it yet. Where the file
/// has been replaced since, the new one is opened.
final class ReadModelSource: Sendable {
  private struct Opened {
    var reader: ReadModelReader
    var file: FileIdentity
  }

  let name: ReadModelName
  let path: String
  private let opened = Locked<Opened?>(nil)

  init(_ name: ReadModelName, directory: String) {
    self.name = name
    path = name.path(in: directory)
  }

  func open() throws(ReadModelError) -> ReadModelReader {
    let file = FileIdentity(path: path)
    // Opening is rare, and whoever comes meanwhile needs the same.
    return try opened.withLock { (opened) throws(ReadModelError) in
      if let opened, opened.file == file { return opened.reader }
      opened = nil
      let reader = try ReadModelReader(path: path, model: name.model)
      if let file { opened = Opened(reader: reader, file: file) }
      return reader
    }
  }
}

/// What tells a file from another one that takes its place.
private struct FileIdentity: Equatable {
  var device: UInt64
  var inode: UInt64

  /// `nil` where there is no such file.
  init?(path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }
}

/// The queries of the read models, over HTTP.
struct QueryRoutes: Sendable {
  let sources: [ReadModelName: ReadModelSource]

  init(directory: String, names: [ReadModelName]) {
    sources = Dictionary(
      uniqueKeysWithValues: names.map { ($0, ReadModelSource($0, directory: directory)) })
  }

  private static let limit = API.Parameter.query("limit", "At most this many", .integer(1...1000))
  private static let consistency = [
    API.Parameter.query(
      "after", "The token of a command's answer: the answer waits until the command has its effect",
      .string(pattern: "^[0-9]+-[0-9]+$")),
    API.Parameter.query(
      "wait", "For at most this many seconds", .integer(0...30)),
  ]

  /// Waits until the read model has what the request asks to see.
  private static func catchUp(_ source: ReadModelSource, _ request: Request) async throws {
    guard let token = try request.consistencyToken() else { return }
    let longest = UInt64(ConsistencyToken.longestWait.components.seconds)
    let seconds = try request.number("wait", default: 5, in: 0...longest)
    try await source.open().wait(for: token, atMost: .seconds(Int64(seconds)))
  }

  func add(to api: inout API) {
    func add(
      _ source: ReadModelSource, _ path: String, _ summary: String,
      _ parameters: [API.Parameter] = [], missing: String? = nil,
      _ handler: @escaping API.Handler
    ) {
      var answers = [API.Answer(200, "The answer")]
      if let missing {
        answers += [API.Answer(404, missing), API.Answer(422, "The id can't be one")]
      }
      api.add(
        API.Operation(
          method: .get, path: path, summary: summary, parameters: parameters + Self.consistency,
          answers: answers
        ) { request, context in
          try await Self.catchUp(source, request)
          return try await handler(request, context)
        })
    }
    if let source = sources[.orders] {
      add(
        source, "/orders", "The newest orders, of all customers or of one",
        [Self.limit, .query("customer", "Only this customer's", .string(maximum: 100))]
      ) { request, _ in try await orders(source, request) }
      add(
        source, "/orders/{id}", "An order",
        [.path("id", "The order's id", WriterRoutes.orderIDSchema)],
        missing: "The read model has no such order"
      ) { _, context in try await order(source, id: try context.pathParameter("id")) }
    }
    if let source = sources[.sales] {
      add(source, "/sales", "The sums over all days, countries and products") { _, _ in
        try await totals(source)
      }
      for (path, summary, query) in [
        ("/sales/days", "The newest days", SalesQueries.days),
        ("/sales/countries", "The countries with the largest revenue", SalesQueries.countries),
        ("/sales/products", "The products with the largest revenue", SalesQueries.products),
      ] {
        add(source, path, summary, [Self.limit]) { request, _ in
          try await sales(source, request, query)
        }
      }
    }
    if let source = sources[.customers] {
      add(source, "/customers", "The customers with the largest revenue", [Self.limit]) {
        request, _ in
        try await customers(source, request)
      }
      add(
        source, "/customers/{id}", "A customer",
        [.path("id", "The customer's id", .string(maximum: 100))],
        missing: "The read model has no such customer"
      ) { _, context in try await customer(source, id: try context.pathParameter("id")) }
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
    guard Order.isValid(id: id) else { throw OrderError.invalidID(id) }
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
    guard (1...100).contains(id.utf8.count) else {
      throw HTTPError(.unprocessableContent, message: "a customer's id has 1 to 100 bytes")
    }
    let found = try await source.open().read { try CustomerQueries.customer($0, id: id) }
    guard let found else {
      throw HTTPError(
        .notFound, message: "the read model 'customers' has no customer '\(id.prefix(80))'")
    }
    return Reply { found.write(&$0) }
  }
}
