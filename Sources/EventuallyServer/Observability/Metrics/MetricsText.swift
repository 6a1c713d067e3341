import Eventually

/// Writes metrics for scrapers.
struct MetricsText {
  /// A text format.
  enum Format: String, CaseIterable {
    /// Prometheus' own.
    case prometheus = "text/plain"
    /// OpenMetrics 1.0, which has exemplars.
    case openMetrics = "application/openmetrics-text"

    /// The one that is asked for: Prometheus' where nothing is said.
    init(accepted: String?) {
      self =
        QualityList(accepted ?? "").best(of: Self.allCases.map(\.rawValue)).flatMap(Self.init)
        ?? .prometheus
    }

    var contentType: String {
      switch self {
      case .prometheus: "\(rawValue); version=0.0.4; charset=utf-8"
      case .openMetrics: "\(rawValue); version=1.0.0; charset=utf-8"
      }
    }
  }

  private let format: Format
  private var families: [String: Family] = [:]

  private struct Family {
    var type: String
    var lines: [String] = []
  }

  init(_ format: Format) {
    self.format = format
  }

  mutating func add(_ metrics: PrometheusMetrics.State) {
    for (name, counter) in metrics.counters { add(name, "counter", ["\(counter.value)"]) }
    for (name, gauge) in metrics.gauges { add(name, "gauge", [number(gauge.value)]) }
    for (name, histogram) in metrics.histograms {
      families[name.label, default: Family(type: "histogram")].lines += lines(name, histogram)
    }
  }

  /// Adds a metric without labels.
  mutating func add(_ label: String, _ type: String, _ value: Double) {
    add(PrometheusMetrics.Name(label: label, dimensions: []), type, [number(value)])
  }

  private mutating func add(_ name: PrometheusMetrics.Name, _ type: String, _ values: [String]) {
    families[name.label, default: Family(type: type)].lines += values.map {
      line(name.label, name.dimensions, $0)
    }
  }

  /// All metrics, in the order of their names.
  func text() -> String {
    var text = ""
    for (label, family) in families.sorted(by: { $0.key < $1.key }) {
      var name = label
      var type = family.type
      if format == .openMetrics, type == "counter" {
        // The name of a counter's family is without what its value's name ends with.
        if label.hasSuffix("_total") { name.removeLast(6) } else { type = "unknown" }
      }
      if let help = MetricName.descriptions[label]?.help {
        text += "# HELP \(name) \(escape(help))\n"
      }
      text += "# TYPE \(name) \(type)\n"
      if format == .openMetrics,
        let unit = ["seconds", "bytes"].first(where: { name.hasSuffix("_\($0)") })
      {
        text += "# UNIT \(name) \(unit)\n"
      }
      let lines = family.type == "histogram" ? family.lines : family.lines.sorted()
      for line in lines { text += line + "\n" }
    }
    return format == .openMetrics ? text + "# EOF\n" : text
  }

  private func lines(_ name: PrometheusMetrics.Name, _ histogram: HistogramMetric) -> [String] {
    let snapshot = histogram.snapshot
    var lines: [String] = []
    var sum: UInt64 = 0
    let limits = histogram.limits.map { format == .openMetrics ? "\($0)" : number($0) } + ["+Inf"]
    for (index, (limit, count)) in zip(limits, snapshot.counts).enumerated() {
      sum += count
      var line = line("\(name.label)_bucket", name.dimensions + ["le=\"\(limit)\""], "\(sum)")
      if format == .openMetrics, let exemplar = snapshot.exemplars[index] {
        line += " \(text(exemplar))"
      }
      lines.append(line)
    }
    lines.append(line("\(name.label)_sum", name.dimensions, number(snapshot.sum)))
    lines.append(line("\(name.label)_count", name.dimensions, "\(sum)"))
    return lines
  }

  private func text(_ exemplar: HistogramMetric.Exemplar) -> String {
    let span = exemplar.span
    let time = Double(exemplar.time.microseconds) / 1e6
    return
      "# {trace_id=\"\(span.traceID)\",span_id=\"\(span.spanID)\"} \(number(exemplar.value)) \(number(time))"
  }

  private func line(_ label: String, _ dimensions: [String], _ value: String) -> String {
    dimensions.isEmpty
      ? "\(label) \(value)" : "\(label){\(dimensions.joined(separator: ","))} \(value)"
  }

  private func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
  }

  private func escape(_ help: String) -> String {
    let help = help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    return format == .openMetrics ? help.replacing("\"", with: "\\\"") : help
  }
}
