import Foundation

/// Medians and extremes of what several runs gave.
struct Figures: Codable {
  var median: Double
  var minimum: Double
  var maximum: Double

  init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    median =
      sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    minimum = sorted[0]
    maximum = sorted[sorted.count - 1]
  }
}

/// What is measured in a row of the table.
enum Unit: String, Codable {
  /// Events in a second: more is better.
  case rate = "events/s"
  /// Less is better.
  case milliseconds = "ms"
  /// Less is better.
  case seconds = "s"
  /// Less is better.
  case microseconds = "µs"

  func text(_ value: Double) -> String {
    switch self {
    case .rate: value >= 10_000 ? "\(Int(value / 1000 + 0.5))k" : "\(Int(value + 0.5))"
    case .milliseconds: String(format: value < 1 ? "%.3f ms" : "%.1f ms", value)
    case .seconds: String(format: "%.1f s", value)
    case .microseconds: "\(Int(value + 0.5)) µs"
    }
  }
}

/// A row of the table.
struct Row: Codable {
  var section: String
  var name: String
  var unit: Unit
  var subject: Figures
  /// What the subject is compared with, and its figures.
  var referenceName: String?
  var reference: Figures?
  /// Subject over reference, each pair from runs next to each other; for times, reference over subject.
  var ratio: Figures?
  /// Medians of the quantiles of single calls, in milliseconds: p50, p99, p99.9.
  var quantiles: [Double]?
  /// The largest peak of resident memory of the subject's process, in bytes.
  var peak: Int?
  var goal: String?
  var isReached: Bool?
  /// What could not be measured, and why.
  var note: String?
}

/// All rows, and where they come from.
struct Report: Codable {
  var machine: [String]
  var rows: [Row] = []
  /// What was not measured, and why.
  var missing: [String] = []

  var markdown: String {
    var text = machine.map { "- \($0)" }.joined(separator: "\n") + "\n"
    var section = ""
    for row in rows {
      if row.section != section {
        section = row.section
        text += "\n**\(section)**\n\n"
        text +=
          "| | Swift: median (min–max) | reference | ratio | p50 / p99 / p99.9 ms | peak MB | goal |\n"
        text += "| --- | --- | --- | --- | --- | --- | --- |\n"
      }
      text += "| " + cells(row).joined(separator: " | ") + " |\n"
    }
    if !missing.isEmpty {
      text += "\nNot measured: " + missing.joined(separator: "; ") + ".\n"
    }
    return text
  }

  private func cells(_ row: Row) -> [String] {
    func range(_ figures: Figures) -> String {
      let median = row.unit.text(figures.median)
      if figures.minimum == figures.maximum { return median }
      return "\(median) (\(row.unit.text(figures.minimum))–\(row.unit.text(figures.maximum)))"
    }
    let unit = row.unit == .rate ? " /s" : ""
    return [
      row.name, range(row.subject) + unit,
      row.reference.map { range($0) + unit + (row.referenceName.map { ", \($0)" } ?? "") } ?? "",
      row.ratio.map { String(format: "**%.2f** (%.2f–%.2f)", $0.median, $0.minimum, $0.maximum) }
        ?? "",
      row.quantiles.map { $0.map { String(format: "%.2f", $0) }.joined(separator: " / ") } ?? "",
      row.peak.map { "\($0 / 1_000_000)" } ?? "",
      (row.goal ?? "") + (row.isReached.map { $0 ? " ✓" : " ✗" } ?? ""),
    ]
  }
}
