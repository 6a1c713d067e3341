public import ArgumentParser
public import Eventually
public import EventuallyCommand
public import EventuallyServer

/// The sample: a shop's orders.
public struct Shop: ExtendedCommandLine, FaultPointSource {
  /// `orders`
  public static let name = "orders"
  /// `ordersctl`
  public static let adminCommand = "ordersctl"
  /// An order of the most lines and with some text in each. One of so many bytes takes about four times as much memory while a
  /// command on it is handled.
  public static let streamLimit = StreamLimit(
    events: UInt64(Order.maximumLines) + 100, bytes: 4 << 20)
  /// `writer import` and `writer simulate`
  public static let writerCommands: [any ParsableCommand.Type] = [
    ImportCommand.self, SimulateCommand.self,
  ]

  /// Its failures are tested.
  public static let permitsFaultInjection = true
  package static let faultPoints = [FaultPoint.importPlaced]

  /// The sample.
  public init() {}

  /// Its parts.
  public var components: [any Component] {
    Order()
    OrdersReadModel()
    SalesReadModel()
    CustomersReadModel()
    Commands("orders", for: Order.self, ids: .orders) {
      Command("create", "Place an order", body: OrderBody.headerSchema) { body in
        .create(try OrderBody.header(body.span, defaultTime: .now()))
      }
      .refusing(
        .alreadyExists("tea-1"), .invalidID("a b"),
        .invalid("country", "1 to 100 bytes and no U+0000"))
      Command("addItem", "Add a line to an open order", body: OrderBody.lineSchema) { body in
        .addItem(try OrderBody.line(body.span))
      }
      .operationID("addItemToOrder")
      .refusing(
        .unknown("tea-1"), .notOpen("tea-1", .completed),
        .tooManyLines("tea-1"), .amountTooLarge)
      Command("complete", "Make an order final", .complete)
        .refusing(
          .unknown("tea-1"), .notOpen("tea-1", .cancelled),
          .empty("tea-1"))
      Command("cancel", "Give an order up", body: OrderBody.cancellationSchema) { body in
        .cancel(reason: try OrderBody.reason(body.span) ?? OrderEvent.unspecified)
      }
      .refusing(.unknown("tea-1"), .notOpen("tea-1", .completed))
    }
    .example(.created(OrderBody.exampleHeader), .itemAdded(OrderBody.exampleLine))
    OrderRoutes()
    OrderQueries()
    SalesQueries()
    CustomerQueries()
    ConsolePage(
      "revenue", "Revenue", module: "revenue.js",
      files: ["revenue.js": PackageResources.revenue_js])
  }
}
