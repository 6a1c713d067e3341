import Eventually
import EventuallyKafka
import EventuallySQLite
import FaultScenarios
import Foundation
import HTTPTypes
import Logging
import Testing

@testable import EventuallyServer
@testable import Orders

/// The sample, with a limit of orders that a test reaches.
private struct SmallShop: EventuallyApplication {
  static let name = "orders"
  static let streamLimit = StreamLimit(events: 3000, bytes: 2 << 20)
  var components: [any Component] { return Shop().components }
}

/// Large orders and long feeds are read and sent in pieces, and an order can't become larger than it may.
@Suite(.timeLimit(.minutes(5))) struct LargeOrderTests {
  private let pipeline: Pipeline
  private let store: ApplicationStore
  private let api: API

  init() async throws {
    pipeline = try Pipeline()
    var options = Writer.Options(
      store: pipeline.store, kafka: KafkaConfiguration(brokers: "127.0.0.1:1", topic: "none"))
    options.partitionCount = 4
    let writer = try await Writer(
      ApplicationModel(SmallShop()), options: options,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    store = writer.store
    api = try writer.api()
  }

  private func line(_ number: Int, bytes: Int) throws -> String {
    let text = String(repeating: "d", count: bytes)
    return #"{"sku":"S\#(number)","description":"\#(text)","quantity":1,"unitPrice":"2"}"#
  }

  private func place(_ id: String, lines: Int, bytes: Int) async throws {
    var commands = [#"{"create":{"country":"T","customer":"c"}}"#]
    for number in 0..<lines { commands.append(#"{"addItem":\#(try line(number, bytes: bytes))}"#) }
    let body = #"{"commands":[\#(commands.joined(separator: ","))]}"#
    let answer = try await answer("/orders/\(id)/commands", .post, body)
    try #require(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
  }

  private func answer(
    _ path: String, _ method: HTTPRequest.Method = .get, _ body: String = ""
  ) async throws -> (status: Int, body: [UInt8]) {
    let answer = await api.answer(APIRequest(method, path, body: Array(body.utf8)))
    return (answer.status.code, try await answer.wholeBody())
  }

  private func json(_ path: String) async throws -> Any {
    let answer = try await answer(path)
    #expect(answer.status == 200)
    return try JSONSerialization.jsonObject(with: Data(answer.body))
  }

  @Test(arguments: [0, 1, 511, 512, 2500])
  func anOrderAndItsHistoryComeInPieces(_ lines: Int) async throws {
    try await place("o", lines: lines, bytes: 400)
    let order = try #require(try await json("/orders/o") as? [String: Any])
    #expect(order["id"] as? String == "o" && order["version"] as? Int == lines + 1)
    #expect(order["status"] as? String == "open" && order["customer"] as? String == "c")
    #expect(Double(order["total"] as? String ?? "") == Double(2 * lines))
    let items = try #require(order["items"] as? [[String: Any]])
    #expect(items.map { $0["sku"] as? String } == (0..<lines).map { "S\($0)" })
    let history = try #require(try await json("/orders/o/history") as? [[String: Any]])
    #expect(history.map { $0["version"] as? Int } == (1...lines + 1).map { $0 })
    for path in ["/orders/none", "/orders/none/history"] {
      #expect(try await answer(path).status == 404)
    }
  }

  @Test func theFeedComesInPiecesUpToItsLimit() async throws {
    for number in 0..<6 { try await place("o-\(number)", lines: 900, bytes: 500) }
    func sequences(_ query: String) async throws -> [UInt64] {
      let body = try await answer("/events?\(query)").body
      return try body.split(separator: UInt8(ascii: "\n")).map { line in
        try RecordJSON.record(Array(line).span).position.sequenceNumber
      }
    }
    #expect(try await sequences("limit=10000") == (1...5406).map { $0 })
    #expect(try await sequences("after=100&limit=2000") == (101...2100).map { $0 })
    #expect(try await sequences("after=5406").isEmpty)
    var all: [UInt64] = []
    for partition in 0..<4 {
      let one = try await sequences("partition=\(partition)&limit=10000")
      let expected = try await store.log.records(
        partition: Partition(partition), after: 0, limit: 10_000)
      #expect(one == expected.map(\.position.sequenceNumber))
      all += one
    }
    #expect(all.sorted() == (1...5406).map { $0 })
    let two = try await sequences("partitions=0,2&limit=10000")
    let expected = try await store.log.records(after: 0, limit: 10_000, of: [0, 2])
    #expect(two == expected.map(\.position.sequenceNumber))
    // About 4 MiB at most, and the rest with the next request.
    for number in 0..<4 { try await place("l-\(number)", lines: 1900, bytes: 1000) }
    let first = try await sequences("after=5406&limit=10000")
    #expect((3000..<7000).contains(first.count) && first.first == 5407, "\(first.count)")
  }

  @Test func anOrderThatIsRemovedWhileItIsReadEndsInTheMiddle() async throws {
    try await place("o", lines: 2500, bytes: 400)
    var order = OrderPieces(id: "o", log: store.log)
    var history = HistoryPieces(id: "o", stream: "o", log: store.log, after: 0, limit: nil) { _ in
      ""
    }
    var json = JSONWriter()
    #expect(try await order.writeNext(&json))
    #expect(try await history.writeNext(&json))
    try await store.remove("o")
    await #expect(throws: EventStoreError.self) { _ = try await order.writeNext(&json) }
    await #expect(throws: EventStoreError.self) { _ = try await history.writeNext(&json) }
  }

  @Test func anOrderThatIsAsLargeAsItMayBeIsRefusedMore() async throws {
    try await place("many", lines: 2999, bytes: 1)
    try await place("large", lines: 1900, bytes: 1000)
    #expect(store.size(ofLargeStream: "large") > 1_900_000)
    var status = 200
    var body = ""
    for number in 0..<400 where status == 200 {
      let answer = try await answer(
        "/orders/large/add-item", .post, try line(number, bytes: 1000))
      status = answer.status
      body = String(decoding: answer.body, as: UTF8.self)
    }
    #expect(status == 409 && body.contains("/problems/stream-too-large"), "\(status) \(body)")
    #expect(body.contains("begin another"), "\(body)")
    let many = try await answer("/orders/many/add-item", .post, try line(1, bytes: 1))
    #expect(many.status == 409)
    // It can still be read and removed, and its name begins anew.
    #expect(try await answer("/orders/large").status == 200)
    #expect(try await answer("/orders/large", .delete).status == 200)
    #expect(store.size(ofLargeStream: "large") == 0)
    try await place("large", lines: 1, bytes: 1000)
  }
}
