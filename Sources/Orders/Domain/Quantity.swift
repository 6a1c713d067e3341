/// How many pieces a line of an order has: from −1,000,000 to 1,000,000.
public struct Quantity: Sendable, Hashable, Comparable, ExpressibleByIntegerLiteral {
  /// What ``value`` can be.
  public static let range: ClosedRange<Int64> = -1_000_000...1_000_000

  /// The number, in ``range``.
  public let value: Int64

  /// A quantity; `nil` where `value` is outside of ``range``.
  public init?(_ value: Int64) {
    guard Self.range.contains(value) else { return nil }
    self.value = value
  }

  /// A quantity that stands in source code, in ``range``.
  public init(integerLiteral value: Int64) {
    precondition(Self.range.contains(value), "a quantity is in \(Self.range)")
    self.value = value
  }

  /// The smaller number before the larger.
  public static func < (a: Quantity, b: Quantity) -> Bool { a.value < b.value }

  /// The same quantity with the other sign.
  public static prefix func - (quantity: Quantity) -> Quantity {
    Quantity(-quantity.value) ?? quantity
  }
}
