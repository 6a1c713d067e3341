import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What this process takes of its host.
struct ProcessFigures: Sendable {
  /// Memory that it has, in bytes; 0 where the system does not tell.
  var memory: UInt64
  /// Time that processors have spent on it.
  var cpuSeconds: Double

  static let host = ProcessInfo.processInfo.hostName
  static let number = ProcessInfo.processInfo.processIdentifier
  /// When it was first asked for, which is when the process begins its work.
  static let started = Timestamp.now()

  /// What it takes now.
  static func now() -> ProcessFigures {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return ProcessFigures(
      memory: resident() ?? 0, cpuSeconds: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
  }

  /// The second number of `/proc/self/statm`, in pages; `nil` where there is no such file.
  private static func resident() -> UInt64? {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else {
      return nil
    }
    let fields = text.split(separator: " ")
    guard fields.count > 1, let pages = UInt64(fields[1]) else { return nil }
    return pages &* UInt64(clamping: sysconf(Int32(_SC_PAGESIZE)))
  }
}
