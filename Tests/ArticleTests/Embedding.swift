// snippet.services
import Eventually
import EventuallyKafka
import EventuallyServer
// snippet.end
import EventuallyTesting
import HTTPTypes
// snippet.services
import Logging
import ServiceLifecycle
// snippet.end
import Testing

/// The code of the article "Embedding" of EventuallyServer, and what the articles say of the bank's answers.
extension FirstApplication {
  @Suite(.timeLimit(.minutes(5))) struct EmbeddingTests {
    /// Runs the writer and the worker of the bank, on a cluster of their own, for as long as `body` does.
    private func serve(
      _ bank: some EventuallyApplication,
      _ body: (_ writer: API, _ worker: API) async throws -> Void
    ) async throws {
      let temporary = try TemporaryFolder()
      let cluster = try DevelopmentCluster()
      try cluster.createTopic("bank", partitions: 12)
      defer { withExtendedLifetime((temporary, cluster)) {} }
      let folder = temporary.path
      let brokers = cluster.brokers
      let logger = Logger(label: "bank") { _ in SwiftLogNoOpLogHandler() }
      // snippet.services
      let application = try ApplicationModel(bank)
      let kafka = KafkaConfiguration(brokers: brokers, topic: "bank")
      let writer = try await Writer(
        application, options: Writer.Options(store: "\(folder)/store.sqlite", kafka: kafka),
        logger: logger)
      let worker = try Worker(
        application, readModel: "owners",
        options: Worker.Options(
          directory: "\(folder)/read-models", kafka: kafka, feed: .file("\(folder)/store.sqlite")),
        logger: logger)
      let server = HTTPServer(
        api: try writer.api(), listen: ListenAddress(host: "127.0.0.1", port: 0), logger: logger)
      let services = ServiceGroup(services: [writer, worker, server], logger: logger)
      // snippet.end
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await services.run() }
        try await body(writer.api(), worker.api)
        group.cancelAll()
      }
    }

    private func post(_ path: String, _ body: String, _ api: API) async throws -> String {
      try await text(api.answer(APIRequest(.post, path, body: Array(body.utf8))))
    }

    private func get(_ path: String, _ api: API) async throws -> String {
      try await text(api.answer(APIRequest(.get, path)))
    }

    private func text(_ answer: JSONResponse) async throws -> String {
      let body = try await answer.wholeBody()
      return "\(answer.status.code) \(String(decoding: body.dropLast(), as: UTF8.self))"
    }

    /// Waits until a query with the token of a command's answer is answered, as soon as there is a read model.
    private func waitUntilApplied(_ done: String, asking path: String, _ worker: API) async throws {
      let token = try #require(
        done.firstMatch(of: /"token":"([0-9-]+)"/)?.output.1, "no token: \(done)")
      var seen = ""
      try await waitUntil("the read model answers", seen: { seen }) {
        seen = try await get("\(path)?after=\(token)", worker)
        return seen.hasPrefix("200")
      }
    }

    @Test func theBankAnswersAsTheArticleSays() async throws {
      try await serve(Bank()) { writer, worker in
        _ = try await post("/accounts/a1/open", #"{"owner":"eve"}"#, writer)
        let deposited = try await post("/accounts/a1/deposit", #"{"cents":500}"#, writer)
        #expect(deposited.contains(#""version":2"#), "\(deposited)")
        let refused = try await post("/accounts/a1/withdraw", #"{"cents":501}"#, writer)
        #expect(
          refused.hasPrefix(
            #"409 {"type":"/problems/refused","title":"The request is refused","status":409,"#
              + #""detail":"the command is refused: not covered","instance":"/requests/"#)
            && refused.hasSuffix(#""code":"not-covered"}"#), "\(refused)")
        let state = try await get("/accounts/a1", writer)
        #expect(state == #"200 {"id":"a1","version":2,"state":{"balance":500,"owner":"eve"}}"#)

        try await waitUntilApplied(deposited, asking: "/owners", worker)
        let owner = try await get("/owners/eve", worker)
        #expect(owner == #"200 {"accounts":1,"cents":500,"owner":"eve"}"#)
        let accounts = try await get("/owners/eve/accounts", worker)
        #expect(accounts == #"200 [{"cents":500,"id":"a1","owner":"eve"}]"#)
      }
    }

    @Test func routesByHandAnswer() async throws {
      try await serve(BankByHand()) { writer, worker in
        let unknown = try await post("/accounts/a1/open", #"{"owner":"eve"}"#, writer)
        #expect(
          unknown.hasPrefix("409 ") && unknown.contains(#""detail":"there is no customer 'eve'""#)
            && unknown.contains(#""code":"no-customer""#), "\(unknown)")
        _ = try await post("/customers/eve/register", "{}", writer)
        let opened = try await post("/accounts/a1/open", #"{"owner":"eve"}"#, writer)
        #expect(opened.hasPrefix(#"200 {"id":"a1","version":1,"#), "\(opened)")
        let deposited = try await post("/accounts/a1/deposit", #"{"cents":500}"#, writer)
        let refused = try await post("/accounts/a1/pay-out", #"{"cents":500}"#, writer)
        #expect(
          refused.hasPrefix("409 ") && refused.contains(#""detail":"there is nothing to pay out""#)
            && refused.contains(#""code":"nothing-above""#), "\(refused)")
        try await waitUntilApplied(deposited, asking: "/totals", worker)
        let totals = try await get("/totals", worker)
        #expect(totals == #"200 {"cents":500}"#)
        let paid = try await post("/accounts/a1/pay-out", #"{"cents":100}"#, writer)
        #expect(paid == #"200 {"cents":400}"#)
      }
    }
  }
}
