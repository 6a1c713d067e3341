import Eventually
package import EventuallyTesting
import Orders

/// The sample: a shop's orders.
package struct OrdersApplication: TortureApplication {
  package let name = "orders"
  package let executables = ApplicationExecutables.orders
  package let abilities: Set<ApplicationAbility> = [.orders, .removal, .severalReadModels]
  package let query = "/sales"
  package let readModels = [
    Self.played(SalesReadModel()), Self.played(OrdersReadModel()),
    Self.played(CustomersReadModel()),
  ]

  /// A file of invoices to import, in the layout of the data set Online Retail; scenarios make one up where it is `nil`.
  package let invoices: String?

  package init(invoices: String? = nil) {
    self.invoices = invoices
  }

  private static func played(_ model: some ReadModel) -> PlayedReadModel {
    PlayedReadModel(model.name, schemaVersion: model.schemaVersion)
  }

  package func stream(of id: String) -> String { id }
  package func path(of id: String) -> String { "/orders/\(id)" }

  /// An order as one append, or in three.
  package func commands(_ number: Int, seed: UInt64) -> EntityCommands {
    let generator = OrderGenerator(seed: seed)
    let id = generator.id(number)
    let events = generator.events(number)
    var parts = [events[...]]
    if number % 3 == 0, events.count >= 3 {
      parts = [events[..<1], events[1..<2], events[2...]]
    }
    var commands: [EntityCommand] = []
    var version: Version = 0
    for part in parts {
      let json = OrderBody.commands(for: Array(part))
      commands.append(
        EntityCommand(
          path: "\(path(of: id))/commands", json: String(decoding: json, as: UTF8.self),
          events: part.count, expectedVersion: version))
      version += Version(part.count)
    }
    return EntityCommands(id: id, commands: commands)
  }

  package func fourCommands(on id: String) -> [EntityCommand] {
    let item = #"{"sku":"A","quantity":2,"unitPrice":"1.25"}"#
    return [
      ("create", #"{"country":"France","customer":"c"}"#), ("add-item", item), ("add-item", item),
      ("complete", "{}"),
    ].map { EntityCommand(path: "\(path(of: id))/\($0.0)", json: $0.1) }
  }
}
