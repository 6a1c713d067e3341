import EventuallyServer
import EventuallyCommand
import Eventually
import Foundation

/// The file that rejected rows go to, with their line numbers and the reasons.
final class RejectedRows {
  private static let header = Data("line,reason\n".utf8)

  let path: String
  private var handle: FileHandle?
  private(set) var count = 0

  /// The file at `path`, which is not there until a row is rejected: one of an earlier run is removed.
  /// - Throws: where there is a file that is something else, such as the input.
  init(path: String) throws(Failure) {
    self.path = path
    guard FileManager.default.fileExists(atPath: path) else { return }
    do {
      // To open a pipe would wait for whoever reads it.
      var status = stat()
      guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        throw Failure("it is no regular file; name another with --rejected")
      }
      let file = try FileHandle(forReadingFrom: URL(filePath: path))
      let start = try file.read(upToCount: Self.header.count)
      try file.close()
      guard start == Self.header else {
        throw Failure("it is no file of rejected rows; name another with --rejected")
      }
      try FileManager.default.removeItem(atPath: path)
    } catch {
      throw Failure("the file \(path) is not replaced by rejected rows: \(error)")
    }
  }

  /// Adds a row.
  func add(line: Int, reason: String) throws(Failure) {
    do {
      let handle = try handle ?? open()
      self.handle = handle
      let reason = printable(reason).replacing("\"", with: "\"\"")
      try handle.write(contentsOf: Data("\(line),\"\(reason)\"\n".utf8))
    } catch {
      throw Failure("the file of rejected rows \(path) can't be written: \(error)")
    }
    count += 1
  }

  private func open() throws -> FileHandle {
    try Self.header.write(to: URL(filePath: path))
    let handle = try FileHandle(forWritingTo: URL(filePath: path))
    try handle.seekToEnd()
    return handle
  }

  deinit {
    // Everything has been written; a failure to close loses nothing.
    try? handle?.close()
  }
}
