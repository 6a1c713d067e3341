import Foundation

/// What one process measured, printed as a line of JSON; the C programs print the same.
struct Measured: Codable {
  /// How many events, or calls.
  var count: UInt64
  /// How long they took together.
  var seconds: Double
  /// Quantiles of single calls, in milliseconds.
  var p50: Double?
  var p99: Double?
  var p999: Double?
  /// When the first and the last of it happened, by the machine's monotonic clock, in seconds.
  var first: Double?
  var last: Double?

  init(count: Int, seconds: Double, calls: [Double] = []) {
    self.count = UInt64(count)
    self.seconds = seconds
    if !calls.isEmpty {
      let sorted = calls.sorted()
      func quantile(_ share: Double) -> Double {
        sorted[Int(share * Double(sorted.count - 1) + 0.5)] * 1000
      }
      p50 = quantile(0.5)
      p99 = quantile(0.99)
      p999 = quantile(0.999)
    }
  }

  func report() throws {
    print(String(decoding: try JSONEncoder().encode(self), as: UTF8.self))
  }
}

/// The machine's monotonic clock, which all of its processes share, in seconds.
func monotonic() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Something that a measurement needs is not as it should be.
struct BenchError: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) {
    self.description = description
  }
}
