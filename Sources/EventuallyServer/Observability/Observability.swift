import CoreMetrics
import Eventually
import Foundation
public import Logging
import Tracing

/// The metrics and traces of a process.
public enum Observability {
  /// The metrics of this process, which `/metrics` tells.
  static let metrics = PrometheusMetrics()
  private static let hasBegun = Locked(false)

  /// Makes what libraries count and trace in this process come here. Call it once, before anything is counted, in a process that
  /// has no backend for metrics of its own.
  /// - Parameter traceFile: a file to which each span is added as a line of JSON when it ends, with W3C's trace and span ids;
  ///   nothing is traced without it.
  public static func bootstrap(traceFile: String? = nil) throws {
    guard
      hasBegun.withLock({ begun in
        defer { begun = true }
        return !begun
      })
    else { return }
    MetricsSystem.bootstrap(metrics)
    if let traceFile { try trace(to: traceFile) }
  }

  /// For logs: the ids of the trace and of the correlation that what is being done belongs to.
  public static let logMetadata = Logger.MetadataProvider {
    var metadata: Logger.Metadata = [:]
    if let identity = ServiceContext.current?[W3CIdentity.Key.self] {
      metadata["trace_id"] = "\(identity.traceID)"
      metadata["span_id"] = "\(identity.spanID)"
    }
    if let correlation = EventMetadata.current.correlationID {
      metadata["correlation_id"] = "\(correlation)"
    }
    return metadata
  }

  private static func trace(to path: String) throws {
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
