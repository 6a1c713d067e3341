import EventuallyServer
import Testing

@testable import EventuallyCommand

struct OpenTelemetryVariablesTests {
  @Test func theBaseGetsThePathAndTheOwnVariableIsTheWholeURL() throws {
    let both = OpenTelemetryVariables([
      "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/",
      "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://traces/in",
    ])
    var found = try #require(both.endpoint)
    #expect(
      try OpenTelemetryVariables.tracesURL(found.url, from: found.variable).base
        == "https://traces/in")
    let base = OpenTelemetryVariables(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"])
    found = try #require(base.endpoint)
    #expect(
      try OpenTelemetryVariables.tracesURL(found.url, from: found.variable).base
        == "http://collector:4318/v1/traces")
    #expect(OpenTelemetryVariables(["OTEL_EXPORTER_OTLP_ENDPOINT": ""]).endpoint == nil)
    let error = try #require(throws: SettingError.self) {
      try OpenTelemetryVariables.tracesURL("collector:4318", from: "--otlp-endpoint")
    }
    #expect(error.description.contains("--otlp-endpoint: 'collector:4318'"), "\(error)")
  }

  @Test func whatIsSetComesBeforeWhatTheProcessSays() throws {
    let variables = OpenTelemetryVariables([
      "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test, service.name=other,x=a%2Cb",
      "OTEL_SERVICE_NAME": "shop",
    ])
    let resource = try variables.resource(of: [("service.name", "orders"), ("host.name", "h")])
    #expect(
      resource.map { "\($0.name)=\($0.value)" }
        == ["host.name=h", "deployment.environment.name=test", "x=a,b", "service.name=shop"])
  }

  @Test(arguments: ["secret", "=secret", "a=secret%", "a=secret%0A"])
  func aHeaderThatIsWrongIsToldWithoutItsValue(text: String) throws {
    let variables = OpenTelemetryVariables(["OTEL_EXPORTER_OTLP_HEADERS": text])
    let error = try #require(throws: SettingError.self) { try variables.headers }
    #expect(error.description.contains("OTEL_EXPORTER_OTLP_HEADERS"))
    #expect(!error.description.contains("secret"))
  }
}
