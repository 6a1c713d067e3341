/// An exact amount of money, in ten-thousandths of the currency's unit.
///
/// Prices in the wild have three decimals and sometimes four; none of them is a binary fraction, so an
/// amount is a whole number of ten-thousandths and never passes through a floating-point number.
public struct Money: Sendable, Hashable, Comparable {
  /// How many parts the currency's unit has here.
  public static let scale: Int64 = 10_000

  /// The amount in ten-thousandths.
  public var tenThousandths: Int64

  /// An amount in ten-thousandths.
  public init(tenThousandths: Int64) {
    self.tenThousandths = tenThousandths
  }

  /// Nothing.
  public static let zero = Money(tenThousandths: 0)

  /// Reads a decimal number such as `2.55`, `-0.001` or `12`, with at most four decimals.
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
    self.init(tenThousandths: isNegative ? -value : value)
  }

  /// The smaller amount before the larger.
  public static func < (a: Money, b: Money) -> Bool {
    a.tenThousandths < b.tenThousandths
  }

  /// The sum.
  /// - Throws: ``AmountOverflow`` beyond 64 bits.
  public func adding(_ other: Money) throws(AmountOverflow) -> Money {
    let (sum, overflow) = tenThousandths.addingReportingOverflow(other.tenThousandths)
    if overflow { throw AmountOverflow() }
    return Money(tenThousandths: sum)
  }

  /// The product.
  /// - Throws: ``AmountOverflow`` beyond 64 bits.
  public func times(_ factor: Int64) throws(AmountOverflow) -> Money {
    let (product, overflow) = tenThousandths.multipliedReportingOverflow(by: factor)
    if overflow { throw AmountOverflow() }
    return Money(tenThousandths: product)
  }

  /// The same amount with the other sign.
  public static prefix func - (amount: Money) -> Money {
    Money(tenThousandths: -amount.tenThousandths)
  }

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

/// An amount or a number went beyond 64 bits.
public struct AmountOverflow: Error, Sendable, CustomStringConvertible {
  /// What happened, for people.
  public var description: String { "an amount is too large to be represented" }
}
