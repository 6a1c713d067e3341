import Eventually
import Foundation

/// A file to which spans are added, a line of JSON each.
final class TraceFile: Sendable {
  private let handle: Locked<FileHandle>

  /// Opens a file, which is made where it is not there yet.
  init(_ path: String) throws {
    try FileManager.default.createDirectory(
      at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
    if !FileManager.default.fileExists(atPath: path) {
      guard FileManager.default.createFile(atPath: path, contents: nil) else {
        throw Failure("the trace file \(path) can't be created")
      }
    }
    guard let handle = FileHandle(forWritingAtPath: path) else {
      throw Failure("the trace file \(path) can't be written")
    }
    try handle.seekToEnd()
    self.handle = Locked(handle)
  }

  func add(_ span: FinishedSpan) {
    var json = JSONWriter()
    span.write(&json)
    json.newline()
    // A span that can't be written is lost, and nothing else.
    handle.withLock { try? $0.write(contentsOf: Data(json.bytes)) }
  }
}
