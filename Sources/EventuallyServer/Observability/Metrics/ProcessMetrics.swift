import Eventually
import Foundation

/// What Prometheus' own clients tell of a process, under the same names. What the system does not tell is left out.
enum ProcessMetrics {
  static func add(to text: inout MetricsText) {
    let figures = ProcessFigures.now()
    text.add(MetricName.processCPU, "counter", figures.cpuSeconds)
    if figures.memory > 0 { text.add(MetricName.processMemory, "gauge", Double(figures.memory)) }
    if let start { text.add(MetricName.processStart, "gauge", start) }
    if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
      text.add(MetricName.processDescriptors, "gauge", Double(open))
    }
  }

  private static func content(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }

  /// In seconds since 1970.
  private static let start: Double? = {
    let boot = content("/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }?
      .split(separator: " ").last.flatMap { Double($0) }
    // The program's name, the second field, is in parentheses and may have spaces.
    let fields = content("/proc/self/stat")?.split(separator: ")").last?.split(separator: " ")
    guard let boot, let fields, fields.count > 19, let ticks = Double(fields[19]) else {
      return nil
    }
    return boot + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
  }()
}
