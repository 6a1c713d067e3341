import ArgumentParser
import EventuallySQLite
import Foundation
import Orders

extension AdminCommand {
  /// `eventuallyctl show`
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show the top rows of read models as tables.")

    @OptionGroup var files: ProjectorCommand.ReadModelOptions
    @Argument(help: "The read models: orders, sales, customers. All by default.")
    var names: [ReadModelName] = []
    @Option(help: "At most this many rows of each table.", transform: Whole.init)
    var limit: Whole<1, 1_000_000> = 5

    func run() async throws {
      for name in names.isEmpty ? ReadModelName.allCases : names {
        try await Self.show(name, in: files.readModels, limit: Int64(limit.value))
      }
    }

    /// Shows the top rows of a read model.
    static func show(_ name: ReadModelName, in readModels: String, limit: Int64) async throws {
      let reader = try ReadModelReader(
        path: name.path(in: readModels), model: name.model, readers: 1)
      switch name {
      case .orders: try await showOrders(reader, limit)
      case .sales: try await showSales(reader, limit)
      case .customers: try await showCustomers(reader, limit)
      }
    }

    private static func show(_ title: String, _ table: TextTable) throws {
      try Output.standard.line(title)
      try Output.standard.table(table)
      try Output.standard.line()
    }

    private static func showOrders(
      _ reader: ReadModelReader, _ limit: Int64
    ) async throws {
      let orders = try await reader.read {
        try OrderQueries.newest($0, customer: nil, limit: limit)
      }
      var table = TextTable("order", "time", "customer", "country", "state", "items", "total")
      for order in orders {
        table.add(
          order.key, "\(order.header.time)", order.header.customer ?? "-", order.header.country,
          order.status.rawValue, grouped(order.items.value), "\(order.total)")
      }
      try show("orders: the newest", table)
    }

    private static func showSales(
      _ reader: ReadModelReader, _ limit: Int64
    ) async throws {
      let (days, countries, products, totals) = try await reader.read {
        (
          try SalesQueries.days($0, limit: limit), try SalesQueries.countries($0, limit: limit),
          try SalesQueries.products($0, limit: limit), try SalesQueries.totals($0)
        )
      }
      try show("sales: the newest days", table("day", days))
      try show("sales: the countries with the largest revenue", table("country", countries))
      try show("sales: the products with the largest revenue", table("product", products))
      var table = TextTable("sales: sum of", "revenue", "units")
      for (name, sums) in [
        ("days", totals.days), ("countries", totals.countries), ("products", totals.products),
      ] {
        table.add(name, sums.revenueText, grouped(sums.units))
      }
      try Output.standard.table(table)
      try Output.standard.line()
    }

    private static func table(_ subject: String, _ answers: [SalesAnswer]) -> TextTable {
      var table = TextTable(subject, "revenue", "units", "orders")
      for answer in answers {
        let name =
          switch answer.subject {
          case .day(let day): day
          case .country(let country): country
          case .product(let product): "\(product.sku) \(product.description)"
          }
        table.add(
          name, answer.totals.revenueText, grouped(answer.totals.units),
          grouped(answer.totals.orders))
      }
      return table
    }

    private static func showCustomers(
      _ reader: ReadModelReader, _ limit: Int64
    ) async throws {
      let customers = try await reader.read {
        try CustomerQueries.top($0, limit: limit)
      }
      var table = TextTable("customer", "orders", "revenue", "first order", "last order")
      for customer in customers {
        table.add(
          customer.row.key, grouped(customer.row.orders.value), "\(customer.row.revenue)",
          customer.first.map { "\($0.time)" } ?? "-", customer.last.map { "\($0.time)" } ?? "-")
      }
      try show("customers: the largest revenue", table)
    }
  }
}
