import Eventually
import Foundation

/// What Prometheus' own clients tell of a process, under the same names. There is nothing where the system has no `/proc`.
enum ProcessMetrics {
  static func add(to text: inout MetricsText) {
    // The program's name, the second field, is in parentheses and may have spaces.
    guard
      let fields = content("/proc/self/stat")?.split(separator: ")").last?.split(separator: " "),
      fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]),
      let begun = Double(fields[19]), let pages = Double(fields[21])
    else { return }
    let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    text.add(MetricName.processCPU, "counter", (user + system) / ticks)
    text.add(MetricName.processMemory, "gauge", pages * Double(sysconf(Int32(_SC_PAGESIZE))))
    if let boot { text.add(MetricName.processStart, "gauge", boot + begun / ticks) }
    if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
      text.add(MetricName.processDescriptors, "gauge", Double(open))
    }
  }

  private static func content(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }

  /// When the system was started, in seconds since 1970.
  private static let boot = content("/proc/stat")?.split(separator: "\n")
    .first { $0.hasPrefix("btime ") }?.split(separator: " ").last.flatMap { Double($0) }
}
