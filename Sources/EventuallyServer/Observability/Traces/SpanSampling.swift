/// Which traces that begin here are recorded. Those that have begun elsewhere are recorded where their parent says so.
public struct SpanSampling: Sendable, Hashable {
  /// All traces.
  public static let all = SpanSampling(limit: nil)

  /// Random ids below are recorded; `nil` for all.
  private let limit: UInt64?

  private init(limit: UInt64?) {
    self.limit = limit
  }

  /// A part of the traces, chosen by their ids, so that all who decide for a trace decide alike.
  /// - Parameter ratio: from 0, none, to 1, all; `nil` is returned for other numbers.
  public init?(ratio: Double) {
    guard ratio >= 0, ratio <= 1 else { return nil }
    limit = UInt64(exactly: (ratio * 0x1p64).rounded(.down))
  }

  /// - Parameter id: the low half of the trace's id, which is random.
  func includes(_ id: UInt64) -> Bool { limit.map { id < $0 } ?? true }
}
