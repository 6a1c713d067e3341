/// Encoded events that wait to be appended. The payloads lie one after the other in one array.
///
/// A class, since requests are handed from one to the next: to hand over one reference costs less than five arrays.
package final class EncodedEvents: Sendable {
  package let types: [String]
  package let payloads: [UInt8]
  /// Where each event's payload ends.
  package let ends: [Int]
  /// The encoded metadata of all of them; empty for none.
  package let metadata: [UInt8]
  /// Finds out whether they can be read back; `nil` where that is known, or nobody asks.
  package let check: AppendCheck?

  package init(
    types: [String], payloads: [UInt8], ends: [Int], metadata: [UInt8], check: AppendCheck?
  ) {
    self.types = types
    self.payloads = payloads
    self.ends = ends
    self.metadata = metadata
    self.check = check
  }

  package var count: Int { types.count }

  /// What the events add to their stream's size, of which metadata is no part: a trace adds some to each event.
  package var bytes: UInt64 { UInt64(payloads.count) }
}
