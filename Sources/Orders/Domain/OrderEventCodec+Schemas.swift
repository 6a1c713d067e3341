public import EventuallyServer

extension OrderEventCodec: DescribedCodec {
  /// What the payloads look like, old forms included.
  public var payloadSchemas: [String: Schema] {
    let time = Schema.string(format: "date-time").example("2026-11-23T12:00:00Z")
    return [
      "OrderCreated": .object([
        .optional("customer", .oneOf([.string(), .null]).example("marie")),
        .required("country", .string().example("France")),
        .optional("kind", .string(values: OrderKind.allCases.map(\.rawValue))),
        .required("time", time),
      ]),
      "OrderItemAdded": .object([
        .required("sku", .string().example("T1")),
        .optional("description", .string().example("TEAPOT")),
        .required("quantity", .integer(Quantity.range).example(2)),
        .required("unitPrice", .string(pattern: "^-?[0-9]+([.][0-9]{1,4})?$").example("12.495")),
      ]),
      "OrderCompleted": .object([]),
      "OrderCancelled": .object([]),
      "OrderCancelled.v2": .object([.required("reason", .string().example("out of stock"))]),
    ]
  }
}
