import ArgumentParser
import EventuallyServer

/// Where spans go.
struct TraceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A file to which each span is added as a line of JSON when it ends, with W3C's trace and span ids.",
      valueName: "file"))
  var traceFile: String?

  /// Makes this process's metrics and spans go where they are told. To be called once, before anything is counted or traced.
  func begin() throws {
    try Observability.bootstrap(traceFile: traceFile)
  }
}
