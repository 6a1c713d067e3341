/// A number of something that a read model sums up: orders, lines, pieces. It has no `+`: every sum is checked.
///
/// It is at most ``maximum``, in either direction: half of what 64 bits hold, so that neither the negation of a
/// count nor the sum of two leaves 64 bits.
public struct Count: Sendable, Hashable, Comparable, ExpressibleByIntegerLiteral {
  private static let limit: Int64 = 4_000_000_000_000_000_000

  /// The largest count, 4 × 10¹⁸; the smallest is the same below zero.
  public static let maximum = Count(unchecked: limit)

  /// The number, from −4 × 10¹⁸ to 4 × 10¹⁸.
  public let value: Int64

  private init(unchecked value: Int64) {
    self.value = value
  }

  /// A count; `nil` where `value` is beyond ``maximum``.
  public init?(exactly value: Int64) {
    guard (-Self.limit...Self.limit).contains(value) else { return nil }
    self.init(unchecked: value)
  }

  /// How many pieces a line has.
  public init(_ quantity: Quantity) {
    self.init(unchecked: quantity.value)
  }

  /// A count that stands in source code, at most ``maximum``.
  public init(integerLiteral value: Int64) {
    precondition((-Self.limit...Self.limit).contains(value), "a count is at most \(Self.limit)")
    self.init(unchecked: value)
  }

  /// The sum.
  /// - Throws: ``AmountOverflow`` beyond ``maximum``.
  public func adding(_ other: Count) throws(AmountOverflow) -> Count {
    // Of two counts in range, the sum is in 64 bits.
    guard let sum = Count(exactly: value + other.value) else { throw AmountOverflow() }
    return sum
  }

  /// The smaller number before the larger.
  public static func < (a: Count, b: Count) -> Bool { a.value < b.value }

  /// The same count with the other sign.
  public static prefix func - (count: Count) -> Count { Count(unchecked: -count.value) }
}
