import ArgumentParser
import EventuallyServer
import Foundation

/// Where spans go.
struct TraceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A file to which each span is added as a line of JSON when it ends, with W3C's trace and span ids.",
      valueName: "file"))
  var traceFile: String?

  @Option(
    help: ArgumentHelp(
      "A collector that spans are sent to by OTLP over HTTP, http://127.0.0.1:4318 for example.",
      discussion: """
        /v1/traces is added to the URL. Left out, OpenTelemetry's own variables say where, if anywhere: OTEL_EXPORTER_OTLP_ENDPOINT or \
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT. OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are read in \
        any case.
        """,
      valueName: "url"))
  var otlpEndpoint: String?

  @Option(
    help: ArgumentHelp(
      "Which part of the traces that begin here is recorded, from 0 to 1. Those that begin elsewhere are recorded as their begin says.",
      valueName: "ratio"),
    transform: Ratio.init)
  var traceSampling: Ratio = .all

  /// Makes this process's metrics and spans go where they are told. To be called once, before anything is counted or traced.
  /// - Parameter role: what the process does, for the name of the service.
  func begin(as role: String) throws {
    try Observability.bootstrap(
      traceFile: traceFile, collector: try collector(role), sampling: traceSampling.sampling)
  }

  private func collector(_ role: String) throws -> SpanCollector? {
    let variables = OpenTelemetryVariables(ProcessInfo.processInfo.environment)
    let application = try Program.current()
    guard let url = otlpEndpoint.map({ ("--otlp-endpoint", $0) }) ?? variables.endpoint else {
      return nil
    }
    return SpanCollector(
      endpoint: try OpenTelemetryVariables.tracesURL(url.1, from: url.0),
      headers: try variables.headers,
      resource: try variables.resource(
        of: [
          ("service.name", "\(application.name)-\(role)"), ("service.namespace", application.name),
          ("service.version", application.version),
          ("service.instance.id", UUID().uuidString.lowercased()),
          ("host.name", ProcessInfo.processInfo.hostName),
          ("process.pid", "\(ProcessInfo.processInfo.processIdentifier)"),
          ("telemetry.sdk.language", "swift"), ("telemetry.sdk.name", "eventually"),
        ]))
  }
}

/// A part of the traces.
struct Ratio: RangedNumber {
  static let all = Ratio(sampling: .all, description: "1")

  let sampling: SpanSampling
  let description: String

  private init(sampling: SpanSampling, description: String) {
    self.sampling = sampling
    self.description = description
  }

  init(_ text: String) throws {
    guard let ratio = Double(text), let sampling = SpanSampling(ratio: ratio) else {
      throw ValidationError("it must be a number from 0 to 1")
    }
    self.init(sampling: sampling, description: text)
  }
}
