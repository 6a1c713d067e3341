import ArgumentParser
import AsyncHTTPClient
import Eventually
import EventuallyKafka
import EventuallySQLite
import FaultScenarios
import Foundation
import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import Orders
import Testing

@testable import EventuallyCommand
@testable import EventuallyServer

/// Who may ask what, of the sample's interfaces.
@Suite(.timeLimit(.minutes(5))) struct AccessTests {
  private static let secrets: [AccessRole: String] = [
    .read: "read-0123456789abcdef", .write: "write-0123456789abcdef",
    .administer: "administer-0123456789abcdef",
  ]

  private static func tokens() throws -> AccessTokens {
    AccessTokens(
      try secrets.map { try BearerToken($1, from: "test", name: "the-\($0.rawValue)", role: $0) })
  }

  private func writer(_ pipeline: Pipeline) async throws -> Writer {
    var options = Writer.Options(
      store: pipeline.store, kafka: KafkaConfiguration(brokers: "127.0.0.1:1", topic: "orders"))
    options.partitionCount = 4
    return try await Writer(
      ApplicationModel(Shop()), options: options,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  /// What an operation has to ask for, by what it does.
  private static func expectedRole(_ operation: API.Operation) -> AccessRole {
    let isOpen =
      ["/healthz", "/readyz", "/metrics", "/asyncapi.json"].contains(operation.path)
      || operation.path.hasPrefix("/problems")
    if isOpen { return .anyone }
    switch operation.method {
    case .get: return .read
    case .delete: return .administer
    default: return .write
    }
  }

  private static func ask(
    _ endpoint: HTTPEndpoint, _ operation: API.Operation, _ token: String?,
    _ method: HTTPRequest.Method? = nil
  ) async throws -> (status: UInt, challenge: String?, body: String) {
    let path = operation.path.split(separator: "/").map { $0.hasPrefix("{") ? "x" : $0 }
      .joined(separator: "/")
    var request = HTTPClientRequest(url: "\(endpoint.base)/\(path)")
    request.method = .init(rawValue: (method ?? operation.method).rawValue)
    if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
    if operation.body != nil {
      request.headers.add(name: "content-type", value: "application/json")
      request.body = .bytes(ByteBuffer(string: "{}"))
    }
    let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
    let body = try await answer.body.collect(upTo: 1 << 20)
    return (
      UInt(answer.status.code), answer.headers.first(name: "www-authenticate"), String(buffer: body)
    )
  }

  private func checkDocument(of api: API) throws {
    let document = try JSONSerialization.jsonObject(with: Data(api.openAPI)) as? [String: Any]
    let paths = try #require(document?["paths"] as? [String: [String: [String: Any]]])
    for operation in api.operations {
      let needed = Self.expectedRole(operation)
      let name = "\(operation.method) \(operation.path)"
      let described = try #require(paths[operation.path]?[operation.method.rawValue.lowercased()])
      let security = described["security"] as? [[String: [String]]]
      #expect(security == (needed > .anyone ? [["token": [needed.rawValue]]] : nil), "\(name)")
      let answers = try #require(described["responses"] as? [String: Any])
      #expect((answers["401"] != nil) == (needed > .anyone), "\(name)")
      if needed > .anyone { #expect(answers["403"] != nil, "\(name)") }
    }
  }

  /// A route that is added later is asked here as well.
  private func check(_ api: API) async throws {
    var api = api
    api.tokens = try Self.tokens()
    let operations = api.operations
    try checkDocument(of: api)
    try await serving(api) { endpoint in
      for operation in operations {
        let needed = Self.expectedRole(operation)
        let name = "\(operation.method) \(operation.path)"
        #expect(operation.role == needed, "\(name)")
        for token in [nil, "wrong-0123456789abcdef"] {
          let answer = try await Self.ask(endpoint, operation, token)
          #expect((answer.status == 401) == (needed > .anyone), "\(name): \(answer)")
          let challenge =
            #"Bearer realm="eventually""# + (token == nil ? "" : #", error="invalid_token""#)
          if needed > .anyone { #expect(answer.challenge == challenge, "\(name): \(answer)") }
        }
        for (held, secret) in Self.secrets {
          let answer = try await Self.ask(endpoint, operation, secret)
          #expect((answer.status == 403) == (held < needed), "\(name) as \(held): \(answer)")
          #expect(answer.status != 401, "\(name) as \(held): \(answer)")
          if held < needed {
            #expect(answer.body.contains("/problems/forbidden"), "\(answer)")
            #expect(answer.challenge?.contains("scope=\"\(needed)\"") == true, "\(answer)")
            #expect(answer.body.contains("'\(needed)'") && answer.body.contains("'\(held)'"))
          }
        }
        if operation.method == .get, needed > .anyone {
          #expect(try await Self.ask(endpoint, operation, nil, .head).status == 401, "\(name)")
        }
      }
    }
  }

  @Test func everyOperationOfTheWriterAsksForItsRole() async throws {
    let pipeline = try Pipeline()
    let writer = try await writer(pipeline)
    try await check(try writer.api())
    await writer.store.close()
  }

  @Test func everyOperationOfTheQueriesAsksForItsRole() async throws {
    let pipeline = try Pipeline()
    let application = try ApplicationModel(Shop())
    try await check(try QueryServer(application, directory: pipeline.readModels).api)
    for model in application.readModels {
      let options = Worker.Options(
        directory: pipeline.readModels,
        kafka: KafkaConfiguration(brokers: "127.0.0.1:1", topic: "orders"),
        feed: .file(pipeline.store))
      let worker = try Worker(
        application, readModel: model.name, options: options,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      try await check(worker.api)
    }
  }

  @Test func eventsSayWhoseTokenLedToThem() async throws {
    let pipeline = try Pipeline()
    let writer = try await writer(pipeline)
    let api = try writer.api(tokens: try Self.tokens())
    try await serving(api) { endpoint in
      var endpoint = endpoint
      endpoint.token = Self.secrets[.write]
      #expect(try await endpoint.post("/orders/a/create", #"{"country":"T"}"#).status == 200)
      let history = try await endpoint.text("/orders/a/history").body
      #expect(history.contains(#""holder":"the-write""#), "\(history)")
    }
    await writer.store.close()
  }

  /// The writer's file of tokens changes while it runs, and a client that listens to events has one that is taken out.
  @Test func aTokenThatIsTakenOutIsOfNoMoreUse() async throws {
    let pipeline = try Pipeline()
    try await pipeline.startBroker()
    let file = pipeline.file("tokens")
    func write(_ text: String) throws {
      try Data(text.utf8).write(to: URL(filePath: file), options: .atomic)
      #expect(chmod(file, 0o600) == 0)
    }
    let both = "ann administer first-0123456789abcdef\nbob write second-0123456789abcdef\n"
    try write(both)
    var ann = try await pipeline.startWriter("--token-file", file)
    var bob = ann
    (ann.token, bob.token) = ("first-0123456789abcdef", "second-0123456789abcdef")
    #expect(try await bob.post("/orders/a/create", #"{"country":"T"}"#).status == 200)
    var request = HTTPClientRequest(url: "\(bob.base)/events")
    request.headers.add(name: "authorization", value: "Bearer second-0123456789abcdef")
    request.headers.add(name: "accept", value: "text/event-stream")
    let stream = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
    #expect(stream.status == .ok)
    // A faulty file changes nothing.
    try write("bob wirte second-0123456789abcdef\n")
    try await waitUntil("an error in the log", seen: { pipeline.writer?.log ?? "" }) {
      pipeline.writer?.log.contains("did you mean 'write'?") == true
    }
    let metrics = try await ann.text("/metrics").body
    #expect(metrics.contains(#"eventually_reload_failed{content="tokens"} 1"#), "\(metrics)")
    #expect(try await bob.text("/orders/a").status == 200)
    try write("ann administer first-0123456789abcdef\n")
    let before = bob
    try await waitUntil("a refusal") { try await before.text("/orders/a").status == 401 }
    // What happens now, the stream does not tell any more: it ends before that.
    #expect(try await ann.post("/orders/later/create", #"{"country":"T"}"#).status == 200)
    let told = String(buffer: try await stream.body.collect(upTo: 1 << 20))
    #expect(told.contains(#""stream":"a""#) || told.contains("id: 1"), "\(told)")
    #expect(!told.contains("later"), "\(told)")
    try write(both)
    try await waitUntil("an answer") { try await before.text("/orders/a").status == 200 }
    var removal = HTTPClientRequest(url: "\(ann.base)/orders/a")
    removal.method = .DELETE
    removal.headers.add(name: "authorization", value: "Bearer first-0123456789abcdef")
    removal.headers.add(name: "correlation-id", value: "c-7")
    removal.headers.add(
      name: "traceparent", value: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    // A client that is traced, as another test has it for this process, would add a header of its own.
    var untraced = HTTPClient.Configuration()
    untraced.tracing.tracer = nil
    let client = HTTPClient(configuration: untraced)
    let removed = try await client.execute(removal, timeout: .seconds(60)).status.code
    try await client.shutdown()
    #expect(removed < 300)
    let log = pipeline.writer?.log ?? ""
    let line = log.split(separator: "\n").first { $0.contains("a request changed something") } ?? ""
    #expect(line.contains("holder=ann"), "\(log)")
    // It leads to the trace, though none is recorded here.
    #expect(line.contains("trace_id=0af7651916cd43dd8448eb211c80319c"), "\(line)")
    #expect(line.contains("correlation_id=c-7"), "\(line)")
    #expect(!log.contains("0123456789abcdef"), "\(log)")
    #expect(try await pipeline.writer?.stop() == 0)
  }

  @Test func aClientHasOneTokenAndSaysSo() async throws {
    let pipeline = try Pipeline()
    let (one, several) = (pipeline.file("one"), pipeline.file("several"))
    try Data("bob read first-0123456789abcdef\n".utf8).write(to: URL(filePath: one))
    try Data("a read first-0123456789abcdef\nb read second-0123456789abcdef\n".utf8)
      .write(to: URL(filePath: several))
    #expect(
      try TokenOptions.parse(["--token-file", one]).presented()?.text == "first-0123456789abcdef")
    let run = try await pipeline.run(
      "projector", "run", "sales", "--read-models", pipeline.readModels, "--feed",
      "http://127.0.0.1:1", "--token-file", several)
    #expect(run.code == 1 && run.output.contains("holds 2 tokens"), "\(run)")
    #expect(run.output.contains("--feed-token-file") && !run.output.contains("0123456789"))
  }
}
