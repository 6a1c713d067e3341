import CoreMetrics
import Eventually
public import Logging
import Tracing

/// The metrics and traces of a process.
public enum Observability {
  /// The metrics of this process, which `/metrics` tells.
  static let metrics = PrometheusMetrics()
  private static let hasBegun = Locked(false)

  private static let exporter = Locked<SpanExporter?>(nil)

  /// Makes what libraries count and trace in this process come here. Call it once, before anything is counted, in a process that
  /// has no backend for metrics of its own. Nothing is traced without a file or a collector.
  /// - Parameters:
  ///   - traceFile: a file to which each span is added as a line of JSON when it ends, with W3C's trace and span ids.
  ///   - collector: where spans are sent; ``shutDown(within:)`` sends the last ones.
  ///   - sampling: which of the traces that begin in this process are recorded.
  ///   - logger: told when the collector takes no spans, and when it does again.
  public static func bootstrap(
    traceFile: String? = nil, collector: SpanCollector? = nil, sampling: SpanSampling = .all,
    logger: Logger = Logger(label: "observability")
  ) throws {
    guard
      hasBegun.withLock({ begun in
        defer { begun = true }
        return !begun
      })
    else { return }
    MetricsSystem.bootstrap(metrics)
    let file = try traceFile.map { try TraceFile($0) }
    let exporter = collector.map { SpanExporter($0, logger: logger) }
    guard file != nil || exporter != nil else { return }
    exporter?.begin()
    self.exporter.withLock { $0 = exporter }
    InstrumentationSystem.bootstrap(
      W3CTracer(sampling: sampling) { span in
        file?.add(span)
        exporter?.add(span)
      })
  }

  /// Sends the spans that have ended and not been sent yet. Call it when the process ends.
  /// - Parameter limit: how long that may take; what is left then is lost.
  public static func shutDown(within limit: Duration = .seconds(5)) async {
    await exporter.withLock { $0 }?.end(within: limit)
  }

  /// For logs: the ids of the trace and of the correlation that what is being done belongs to.
  public static let logMetadata = Logger.MetadataProvider {
    var metadata: Logger.Metadata = [:]
    // Also where nothing is traced here, what led to the event says which trace it belongs to.
    let identity =
      ServiceContext.current?[W3CIdentity.Key.self]
      ?? EventMetadata.current.traceParent.flatMap { W3CIdentity($0) }
    if let identity {
      metadata["trace_id"] = "\(identity.traceID)"
      metadata["span_id"] = "\(identity.spanID)"
    }
    if let correlation = EventMetadata.current.correlationID {
      metadata["correlation_id"] = "\(correlation)"
    }
    return metadata
  }
}
