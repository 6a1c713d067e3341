import ServiceContextModule

/// What identifies a span, as W3C's Trace Context does: `00-<32 digits of the trace>-<16 digits of the span>-<flags>`.
struct W3CIdentity: Sendable, Hashable, CustomStringConvertible {
  enum Key: ServiceContextKey {
    typealias Value = W3CIdentity
  }

  static let header = "traceparent"
  /// Of the header with what other tracers have added.
  static let stateHeader = "tracestate"

  var traceID: String
  var spanID: String
  /// Whether the spans of its trace are recorded. Whoever begins a trace decides, for all processes.
  var isSampled: Bool
  /// What other tracers have added, as it came; it is passed on.
  var state: String?

  /// A new span, in a parent's trace or in one of its own.
  init(in parent: W3CIdentity?, sampling: SpanSampling) {
    let trace = Self.random()
    let low = Self.random()
    traceID = parent?.traceID ?? Self.digits(trace) + Self.digits(low)
    spanID = Self.digits(Self.random())
    isSampled = parent?.isSampled ?? sampling.includes(low)
    state = parent?.state
  }

  init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 4, parts[0].count == 2, parts[1].count == 32, parts[2].count == 16,
      parts[3].count == 2, parts.prefix(4).allSatisfy({ $0.utf8.allSatisfy(Self.isDigit) }),
      // What is of version 00 ends here; later ones may go on.
      parts[0] != "ff", parts[0] != "00" || parts.count == 4,
      parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" }),
      let flags = UInt8(parts[3], radix: 16)
    else { return nil }
    traceID = String(parts[1])
    spanID = String(parts[2])
    isSampled = flags & 1 == 1
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }

  private static func random() -> UInt64 { UInt64.random(in: 1 ... .max) }

  private static func digits(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  var description: String { "00-\(traceID)-\(spanID)-\(isSampled ? "01" : "00")" }
}
