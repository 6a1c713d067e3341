public import Eventually

/// What kind of order it is.
public enum OrderKind: String, Sendable, Hashable, CaseIterable {
  /// Goods go out, money comes in.
  case sale
  /// Goods come back; quantities are negative.
  case `return`
  /// Corrections of stock or of accounts: quantities and prices of either sign.
  case adjustment
}

/// A line of an order.
public struct OrderLine: Sendable, Hashable {
  /// What is sold: the stock-keeping unit's code.
  public var sku: String
  /// What it is called.
  public var description: String
  /// How many, negative where goods come back.
  public var quantity: Quantity
  /// The price of one.
  public var unitPrice: Money

  /// A line from its parts.
  public init(sku: String, description: String, quantity: Quantity, unitPrice: Money) {
    self.sku = sku
    self.description = description
    self.quantity = quantity
    self.unitPrice = unitPrice
  }

  /// Quantity times price.
  /// - Throws: ``AmountOverflow`` beyond ``Money/maximum``, of which no line of an order comes near:
  ///   ``Order/maximumLineTotal``.
  public var total: Money {
    get throws(AmountOverflow) { try unitPrice.times(quantity) }
  }

  /// Whether the total is at most ``Order/maximumLineTotal``, in either direction.
  var isWithinLimit: Bool {
    let (total, overflow) =
      unitPrice.tenThousandths.multipliedReportingOverflow(by: quantity.value)
    return !overflow && total.magnitude <= Order.maximumLineTotal.tenThousandths.magnitude
  }
}

/// What an order begins with.
public struct OrderHeader: Sendable, Hashable {
  /// Who ordered; `nil` where it is not known.
  public var customer: String?
  /// Where the customer is.
  public var country: String
  /// What kind of order it is.
  public var kind: OrderKind
  /// When it was placed.
  public var time: Timestamp

  /// A header from its parts.
  public init(customer: String?, country: String, kind: OrderKind, time: Timestamp) {
    self.customer = customer
    self.country = country
    self.kind = kind
    self.time = time
  }
}

/// What can happen to an order.
public enum OrderEvent: Sendable, Hashable {
  /// The order was placed.
  case created(OrderHeader)
  /// A line was added.
  case itemAdded(OrderLine)
  /// The order is final: it counts from now on.
  case completed
  /// The order will never be completed, and why.
  case cancelled(reason: String)

  /// What stands for the reason of orders that were cancelled before reasons were asked for.
  public static let unspecified = "unspecified"
}
