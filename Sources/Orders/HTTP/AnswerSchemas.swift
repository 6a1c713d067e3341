import EventuallyServer

/// What queries answer, for the OpenAPI document.
enum AnswerSchemas {
  static let order = Schema.named(
    "OrderSummary",
    .object([
      .required("id", .string(pattern: IDRule.orders.pattern).example("tea-1")),
      .required("status", OrderBody.status.example("completed")),
      .optional("customer", .string(minimum: 1).example("marie")),
      .required("country", .string(minimum: 1).example("France")),
      .required("kind", OrderBody.kind), .required("time", .string(format: "date-time")),
      .required("items", .integer().example(1)), .required("units", .integer().example(2)),
      .required("total", amount),
    ]))
  static let customer = Schema.named(
    "Customer",
    .object([
      .required("customer", .string(minimum: 1).example("marie")),
      .required("orders", .integer().example(1)), .required("revenue", amount),
      .optional("firstOrder", orderReference), .optional("lastOrder", orderReference),
    ]))
  static let sales = Schema.named(
    "Sales",
    .object([
      .required("days", totals), .required("countries", totals),
      .required("products", .named("ProductTotals", .object(figures))),
    ]))
  static let day = Schema.named(
    "DaySales",
    .object([.required("day", .string(format: "date"))] + figures + [orders]))
  static let country = Schema.named(
    "CountrySales",
    .object(
      [.required("country", .string(minimum: 1).example("France"))] + figures + [orders]))
  static let product = Schema.named(
    "ProductSales",
    .object(
      [
        .required("sku", .string(minimum: 1).example("T1")),
        .required("description", .string().example("TEAPOT")),
      ] + figures + [orders]))

  private static let amount = Schema.string(pattern: "^-?[0-9]+[.][0-9]{2,4}$").example("24.99")
  private static let orderReference = Schema.named(
    "OrderReference",
    .object([
      .required("id", .string(pattern: IDRule.orders.pattern).example("tea-1")),
      .required("time", .string(format: "date-time")),
    ]))
  private static let figures: [Schema.Member] = [
    .required("revenue", amount), .required("units", .integer().example(2)),
  ]
  private static let orders = Schema.Member.required("orders", .integer().example(1))
  private static let totals = Schema.named("Totals", .object(figures + [orders]))
}
