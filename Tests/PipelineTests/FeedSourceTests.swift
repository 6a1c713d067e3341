import Eventually
import EventuallyKafka
import HTTPTypes
import Hummingbird
import Logging
import Orders
import Testing

@testable import EventuallyServer

/// A worker learns from a writer which store it serves.
@Suite(.timeLimit(.minutes(5))) struct FeedSourceTests {
  /// Whoever starts a worker before its writer, or with a wrong address, is told which address that is.
  @Test func whatIsWaitedForIsNamed() async throws {
    for (feed, words) in [
      ("http://127.0.0.1:1", "the writer at http://127.0.0.1:1"),
      ("/none/s.sqlite", "/none/s.sqlite"),
    ] {
      let options = Worker.Options(
        directory: "/none", kafka: KafkaConfiguration(brokers: "127.0.0.1:1", topic: "shop"),
        feed: FeedSource(feed))
      let worker = try Worker(
        ApplicationModel(Shop()), readModel: "sales", options: options,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      let answer = await worker.api.answer(APIRequest(.get, "/readyz"))
      let body = String(decoding: try await answer.wholeBody(), as: UTF8.self)
      #expect(answer.status.code == 503 && body.contains(words), "\(body)")
      #expect(body.contains("--feed"), "\(body)")
    }
  }

  /// What answers at first may be a proxy before a writer that is starting, or a writer with too much to do.
  @Test func answersOtherThan200AreWaitedOut() async throws {
    let asked = Locked(0)
    var api = API(title: "test", summary: "test")
    api.add(
      API.Operation(.get, "/store", "", answers: []) { _ in
        let number = asked.withLock { count in
          count += 1
          return count
        }
        switch number {
        case 1: throw Overloaded("too much")
        case 2: throw HTTPError(.badGateway, message: "no writer yet")
        case 3: return JSONResponse { $0.string("no store") }
        default:
          let summary = StoreSummary(
            storeID: "s", partitionCount: 2, heads: [1, 0], head: 1, published: 0)
          return JSONResponse { summary.write(&$0) }
        }
      })
    try await serving(api) { endpoint in
      let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      let source = try await FeedSource(endpoint.base).open(logger: logger)
      #expect(source.storeID == "s" && source.partitionCount == 2)
    }
    #expect(asked.withLock { $0 } == 4)
  }

  /// A worker's batches may be larger than what a writer gives at once.
  @Test func noMoreIsAskedForThanAWriterGives() async throws {
    let asked = Locked<[String]>([])
    var api = API(title: "test", summary: "test")
    api.add(
      API.Operation(.get, "/store", "", answers: []) { _ in
        let summary = StoreSummary(
          storeID: "s", partitionCount: 2, heads: [0, 0], head: 0, published: 0)
        return JSONResponse { summary.write(&$0) }
      })
    api.add(
      API.Operation(.get, "/events", "", answers: []) { request in
        let limit = try request.number("limit", in: 1...UInt64(HTTPEventFeed.largestPage))
        asked.withLock { $0.append("\(limit)") }
        return JSONResponse { _ in }
      })
    try await serving(api) { endpoint in
      let feed = try await HTTPEventFeed(endpoint)
      #expect(try await feed.records(partition: 0, after: 0, limit: 20_000).isEmpty)
      #expect(try await feed.records(after: 0, limit: 1_000_000).isEmpty)
      #expect(try await feed.records(after: 0, limit: 7, of: [0, 1]).isEmpty)
    }
    #expect(asked.withLock { $0 } == ["10000", "10000", "7"])
  }
}
