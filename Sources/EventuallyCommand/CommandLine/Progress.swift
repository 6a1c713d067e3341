import Eventually
import EventuallyServer
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A line of progress on standard error, where that is a terminal; nothing otherwise.
package struct ProgressLine {
  package init() {}

  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var next = ContinuousClock.now
  private let start = ContinuousClock.now

  /// Shows how far something is, at most ten times a second.
  package mutating func show(_ text: @autoclosure () -> String, fraction: Double?) {
    guard isTerminal, ContinuousClock.now >= next else { return }
    next = .now + .milliseconds(100)
    var line = "\r"
    if let fraction {
      let filled = Int((min(max(fraction, 0), 1) * 30).rounded())
      line += "[" + String(repeating: "#", count: filled)
      line += String(repeating: ".", count: 30 - filled) + "] "
      line += "\(Int((fraction * 100).rounded()))% "
    }
    line += text() + "\u{1B}[K"
    FileHandle.standardError.write(Data(line.utf8))
  }

  /// Ends the line.
  package func finish() {
    if isTerminal { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
  }

  /// Seconds since the beginning.
  package var elapsed: Double {
    let elapsed = ContinuousClock.now - start
    return Double(elapsed.components.seconds)
      + Double(elapsed.components.attoseconds) / 1e18
  }
}

/// A number with commas between thousands.
package func grouped(_ number: some BinaryInteger) -> String {
  var digits = String(number.magnitude)
  var groups: [String] = []
  while digits.count > 3 {
    groups.insert(String(digits.suffix(3)), at: 0)
    digits.removeLast(3)
  }
  groups.insert(digits, at: 0)
  return (number < 0 ? "-" : "") + groups.joined(separator: ",")
}

/// A table with aligned columns; columns of numbers are aligned to the right.
package struct TextTable {
  package var header: [String]
  package var rows: [[String]] = []

  package init(_ header: String...) {
    self.header = header
  }

  package mutating func add(_ row: String...) {
    rows.append(row)
  }

  /// The lines, with what comes from outside escaped.
  package var text: String {
    let header = header.map { printable($0) }
    let rows = rows.map { $0.map { printable($0) } }
    let widths = header.indices.map { column in
      ([header] + rows).map { $0[column].count }.max() ?? 0
    }
    let isNumber = header.indices.map { column in
      !rows.isEmpty
        && rows.allSatisfy { row in
          row[column].allSatisfy { "0123456789.,-+%".contains($0) }
        }
    }
    func line(_ cells: [String]) -> String {
      cells.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - cells[column].count)
        return isNumber[column] ? padding + cells[column] : cells[column] + padding
      }
      .joined(separator: "  ").trimmingTrailingSpace()
    }
    let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
    return ([line(header), rule] + rows.map(line)).joined(separator: "\n")
  }
}

extension String {
  fileprivate func trimmingTrailingSpace() -> String {
    var text = self[...]
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
