/// An exact amount of money, in ten-thousandths of the currency's unit.
///
/// Prices in the wild have three decimals and sometimes four; none of them is a binary fraction, so an
/// amount is a whole number of ten-thousandths and never passes through a floating-point number.
///
/// It is at most ``maximum``, in either direction: half of what 64 bits hold, so that neither the negation of an
/// amount nor the sum of two leaves 64 bits.
public struct Money: Sendable, Hashable, Comparable {
  /// How many parts the currency's unit has here.
  public static let scale: Int64 = 10_000

  private static let limit: Int64 = 4_000_000_000_000_000_000

  /// The largest amount, 400,000,000,000,000 units; the smallest is the same below zero.
  public static let maximum = Money(tenThousandths: limit)

  /// The amount in ten-thousandths, from −4 × 10¹⁸ to 4 × 10¹⁸.
  public let tenThousandths: Int64

  /// An amount in ten-thousandths; the nearest that there is where it is beyond ``maximum``.
  public init(tenThousandths: Int64) {
    self.tenThousandths = min(max(tenThousandths, -Self.limit), Self.limit)
  }

  /// An amount in ten-thousandths; `nil` where it is beyond ``maximum``.
  public init?(exactly tenThousandths: Int64) {
    guard (-Self.limit...Self.limit).contains(tenThousandths) else { return nil }
    self.tenThousandths = tenThousandths
  }

  /// Nothing.
  public static let zero = Money(tenThousandths: 0)

  /// Reads a decimal number such as `2.55`, `-0.001` or `12`, with at most four decimals; `nil` where it is none, or
  /// beyond ``maximum``.
  public init?(_ text: some StringProtocol) {
    var digits = text.utf8[...]
    let isNegative = digits.first == UInt8(ascii: "-")
    if isNegative { digits = digits.dropFirst() }
    var value: Int64 = 0
    var decimals: Int?
    var count = 0
    for byte in digits {
      if byte == UInt8(ascii: "."), decimals == nil, count > 0 {
        decimals = 0
        continue
      }
      guard byte >= 0x30, byte <= 0x39 else { return nil }
      // Zeros beyond the fourth decimal change nothing.
      if decimals == 4, byte == 0x30 { continue }
      guard decimals != 4 else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow2) = product.addingReportingOverflow(Int64(byte - 0x30))
      if overflow || overflow2 { return nil }
      value = sum
      count += 1
      if let read = decimals { decimals = read + 1 }
    }
    guard count > 0, decimals != 0 else { return nil }
    for _ in (decimals ?? 0)..<4 {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      if overflow { return nil }
      value = product
    }
    // `value` is not negative, so its negation is in 64 bits.
    self.init(exactly: isNegative ? -value : value)
  }

  /// The smaller amount before the larger.
  public static func < (a: Money, b: Money) -> Bool {
    a.tenThousandths < b.tenThousandths
  }

  /// The sum.
  /// - Throws: ``AmountOverflow`` beyond ``maximum``.
  public func adding(_ other: Money) throws(AmountOverflow) -> Money {
    // Of two amounts in range, the sum is in 64 bits.
    guard let sum = Money(exactly: tenThousandths + other.tenThousandths) else {
      throw AmountOverflow()
    }
    return sum
  }

  /// The price of a number of pieces.
  /// - Throws: ``AmountOverflow`` beyond ``maximum``.
  public func times(_ quantity: Quantity) throws(AmountOverflow) -> Money {
    let (product, overflow) = tenThousandths.multipliedReportingOverflow(by: quantity.value)
    guard !overflow, let amount = Money(exactly: product) else { throw AmountOverflow() }
    return amount
  }

  /// The same amount with the other sign.
  public static prefix func - (amount: Money) -> Money {
    Money(tenThousandths: -amount.tenThousandths)
  }

  /// The amount without its sign.
  public var magnitude: Money { self < .zero ? -self : self }

  /// Appends the amount with two to four decimals.
  public func append(to bytes: inout [UInt8]) {
    if tenThousandths < 0 { bytes.append(UInt8(ascii: "-")) }
    let amount = tenThousandths.magnitude
    appendDigits(amount / 10_000, to: &bytes)
    bytes.append(UInt8(ascii: "."))
    var fraction = amount % 10_000
    var decimals = 4
    while decimals > 2, fraction % 10 == 0 {
      fraction /= 10
      decimals -= 1
    }
    var divisor: UInt64 = decimals == 4 ? 1000 : decimals == 3 ? 100 : 10
    while divisor > 0 {
      bytes.append(0x30 + UInt8(fraction / divisor % 10))
      divisor /= 10
    }
  }

  private func appendDigits(_ value: UInt64, to bytes: inout [UInt8]) {
    var divisor: UInt64 = 1
    while value / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      bytes.append(0x30 + UInt8(value / divisor % 10))
      divisor /= 10
    }
  }
}

extension Money: CustomStringConvertible {
  /// The amount with two to four decimals.
  public var description: String {
    var bytes: [UInt8] = []
    append(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// A sum or a product is beyond what its type can hold: ``Money/maximum`` or ``Count/maximum``.
public struct AmountOverflow: Error, Sendable, CustomStringConvertible {
  /// What is wrong.
  public var description: String {
    "a sum is beyond \(Money.maximum) of money or \(Count.maximum.value) of anything else"
  }
}
