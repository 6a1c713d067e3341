import ArgumentParser
import Eventually
import Foundation
import Tracing

/// Where spans go.
struct TraceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A file to which each span is added as a line of JSON when it ends, with W3C's trace and span ids.",
      valueName: "file"))
  var traceFile: String?

  /// Makes this process's spans go to the file. To be called once, before anything is traced.
  func begin() throws {
    guard let traceFile else { return }
    try makeDirectory(of: traceFile)
    if !FileManager.default.fileExists(atPath: traceFile) {
      guard FileManager.default.createFile(atPath: traceFile, contents: nil) else {
        throw Failure("the trace file \(traceFile) can't be created")
      }
    }
    guard let handle = FileHandle(forWritingAtPath: traceFile) else {
      throw Failure("the trace file \(traceFile) can't be written")
    }
    try handle.seekToEnd()
    let file = Locked(handle)
    InstrumentationSystem.bootstrap(
      W3CTracer { span in
        var json = JSONWriter()
        span.write(&json)
        json.newline()
        // A span that can't be written is lost, and nothing else.
        file.withLock { try? $0.write(contentsOf: Data(json.bytes)) }
      })
  }
}
