import EventuallyServer
import Foundation

/// What OpenTelemetry's own environment variables say, as its specification of exporters has them.
struct OpenTelemetryVariables {
  private let environment: [String: String]

  init(_ environment: [String: String]) {
    self.environment = environment.filter { !$0.value.isEmpty }
  }

  /// Where traces go, with the variable that says so: a URL that `/v1/traces` is still to be added to.
  var endpoint: (variable: String, url: String)? {
    let own = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
    if let url = environment[own] { return (own, url) }
    return environment["OTEL_EXPORTER_OTLP_ENDPOINT"].map { ("OTEL_EXPORTER_OTLP_ENDPOINT", $0) }
  }

  /// The URL that traces are sent to.
  /// - Parameter origin: what the text comes from; one variable alone holds the whole URL.
  static func tracesURL(_ text: String, from origin: String) throws -> HTTPEndpoint {
    guard var endpoint = HTTPEndpoint(text) else {
      throw SettingError(
        "\(origin): '\(text)' is no http:// or https:// URL, such as http://127.0.0.1:4318")
    }
    if origin != "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" { endpoint.base += "/v1/traces" }
    return endpoint
  }

  /// What each request has besides.
  var headers: [(name: String, value: String)] {
    get throws {
      try pairs("OTEL_EXPORTER_OTLP_HEADERS") + pairs("OTEL_EXPORTER_OTLP_TRACES_HEADERS")
    }
  }

  /// What spans are of: what the process says, but for what is set.
  func resource(
    of known: [(name: String, value: String)]
  ) throws -> [(name: String, value: String)] {
    var set = try pairs("OTEL_RESOURCE_ATTRIBUTES")
    if let name = environment["OTEL_SERVICE_NAME"] {
      set.removeAll { $0.name == "service.name" }
      set.append(("service.name", name))
    }
    return known.filter { old in !set.contains { $0.name == old.name } } + set
  }

  /// `name=value,name=value`, with what else a value has in percent encoding.
  private func pairs(_ variable: String) throws -> [(name: String, value: String)] {
    try (environment[variable] ?? "").split(separator: ",").map { pair in
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces) }
      guard parts.count == 2, !parts[0].isEmpty, let value = parts[1].removingPercentEncoding,
        !(parts[0] + value).unicodeScalars.contains(where: { $0.value < 32 })
      else {
        // Its value may be a secret.
        throw SettingError("\(variable) must be NAME=VALUE,NAME=VALUE, in percent encoding")
      }
      return (parts[0], value)
    }
  }
}
