import EventuallyServer
import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where a command shows its results. All of them go through here: what comes from outside is escaped, and output
/// that can't be written is an error.
package final class Output: Sendable {
  /// Standard output.
  package static let standard = Output(descriptor: STDOUT_FILENO)

  private static let capacity = 64 << 10

  private let descriptor: Int32
  private let isTerminal: Bool
  private let waiting = Locked<[UInt8]>([])

  package init(descriptor: Int32) {
    self.descriptor = descriptor
    isTerminal = isatty(descriptor) == 1
  }

  /// Shows a line.
  package func line(_ text: String = "") throws(OutputError) {
    try add(printable(text) + "\n")
  }

  /// Shows lines whose parts have been checked, such as those of a help text.
  package func lines(_ text: String) throws(OutputError) {
    try add(printable(text, keepsNewlines: true) + "\n")
  }

  /// Shows a table.
  package func table(_ table: TextTable) throws(OutputError) {
    try lines(table.text)
  }

  /// Shows JSON, in a line.
  package func json(_ bytes: [UInt8]) throws(OutputError) {
    try add(printableJSON(bytes) + "\n")
  }

  /// Writes what waits to be written.
  package func flush() throws(OutputError) {
    try write(
      waiting.withLock { bytes in
        defer { bytes = [] }
        return bytes
      })
  }

  private func add(_ text: String) throws(OutputError) {
    let count = waiting.withLock { bytes in
      bytes.append(contentsOf: text.utf8)
      return bytes.count
    }
    if isTerminal || count >= Self.capacity { try flush() }
  }

  /// Writes all of it. What could not be written is not tried again.
  private func write(_ bytes: [UInt8]) throws(OutputError) {
    var start = 0
    while start < bytes.count {
      let count = bytes.withUnsafeBytes { bytes in
        systemWrite(descriptor, bytes.baseAddress.map { $0 + start }, bytes.count - start)
      }
      if count >= 0 {
        start += count
        continue
      }
      switch errno {
      case EINTR: continue
      case EAGAIN:
        // Somebody made the descriptor, which others may share, one that does not wait.
        var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&state, 1, -1)
      case EPIPE: throw .closed
      case let code: throw .failed(String(cString: strerror(code)))
      }
    }
  }
}

/// `write(2)`, which the method of the same name hides.
private func systemWrite(_ descriptor: Int32, _ start: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, start, count)
}

/// Output can't be written.
package enum OutputError: Error, CustomStringConvertible {
  /// Whoever read it has closed the pipe: nobody wants more.
  case closed
  /// Anything else: a full device for example.
  case failed(String)

  package var description: String {
    switch self {
    case .closed: "the output was closed by its reader"
    case .failed(let reason): "the output can't be written: \(reason)"
    }
  }
}
