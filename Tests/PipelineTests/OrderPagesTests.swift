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

/// The sample's lists, whose queries are written by hand, in pages; and its order, which is sent in pieces, with a tag.
@Suite(.timeLimit(.minutes(5))) struct OrderPagesTests {
  private let pipeline: Pipeline
  private let writer: Writer

  init() async throws {
    pipeline = try Pipeline()
    var options = Writer.Options(
      store: pipeline.store, kafka: KafkaConfiguration(brokers: "127.0.0.1:1", topic: "none"))
    options.partitionCount = 4
    writer = try await Writer(
      ApplicationModel(Shop()), options: options,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let api = try writer.api()
    for number in 0..<9 {
      // Several of one time, and several customers of one revenue.
      let header =
        #"{"country":"T\#(number % 4)","customer":"c\#(number)","time":"2026-01-0\#(number % 3 + 1)T00:00:00Z"}"#
      let item = #"{"sku":"A\#(number % 5)","quantity":\#(number % 2 + 1),"unitPrice":"2"}"#
      let body = #"{"commands":[{"create":\#(header)},{"addItem":\#(item)},{"complete":{}}]}"#
      let answer = await api.answer(
        APIRequest(.post, "/orders/o\(number)/commands", body: Array(body.utf8)))
      try #require(answer.status == .ok && answer.headers[.eTag] == #""3""#)
    }
  }

  private func queries() async throws -> API {
    for definition in writer.application.readModels { try await build(definition) }
    return try QueryServer(writer.application, directory: pipeline.readModels).api
  }

  private func build<Definition: ReadModelDefinition>(_ definition: Definition) async throws {
    let replay = try await Replay(
      "test", in: definition.directory(in: pipeline.readModels), model: definition.model,
      codec: definition.codec, log: writer.store.log
    ) { nil }
    _ = try await replay.run { _ in }
  }

  /// A member of all pages' elements.
  private func all(_ api: API, _ path: String, _ member: String) async throws -> [String] {
    var values: [String] = []
    var next: String? = path
    while let path = next, values.count < 100 {
      let answer = await api.answer(APIRequest(.get, path))
      let body = Data(try await answer.wholeBody())
      let words = "\(path): \(String(decoding: body, as: UTF8.self))"
      let elements = try #require(
        try JSONSerialization.jsonObject(with: body) as? [[String: Any]], "\(words)")
      values += elements.map { "\($0[member] ?? "")" }
      let link = HTTPField.Name("Link").flatMap { answer.headers[$0] }
      next = link?.firstMatch(of: /<([^>]+)>/).map { String($0.1) }
    }
    return values
  }

  @Test func pagesTogetherAreTheList() async throws {
    let api = try await queries()
    for (path, member) in [
      ("/orders", "id"), ("/customers", "customer"), ("/orders?customer=c4", "id"),
      ("/sales/days", "day"), ("/sales/countries", "country"), ("/sales/products", "sku"),
    ] {
      let separator = path.contains("?") ? "&" : "?"
      let whole = try await all(api, "\(path)\(separator)limit=1000", member)
      let counts = ["/orders": 9, "/customers": 9, "/sales/days": 3, "/sales/countries": 4]
      #expect(whole.count == counts[path] ?? (separator == "&" ? 1 : 5), "\(path): \(whole)")
      #expect(Set(whole).count == whole.count, "\(path): \(whole)")
      for limit in [1, 2, 4, 9] {
        let pages = try await all(api, "\(path)\(separator)limit=\(limit)", member)
        #expect(pages == whole, "\(path) by \(limit)")
      }
    }
  }

  @Test func anOrderInPiecesHasATag() async throws {
    let api = try writer.api()
    for path in ["/orders/o1", "/orders/o1/history"] {
      let answer = await api.answer(APIRequest(.get, path))
      #expect(answer.status == .ok && answer.headers[.eTag] == #""3""#, "\(path)")
      let same = await api.answer(APIRequest(.get, path, headers: [.ifNoneMatch: #""3""#]))
      #expect(same.status == .notModified && same.bytes.isEmpty, "\(path)")
    }
    let none = await api.answer(
      APIRequest(.get, "/orders/none", headers: [.ifNoneMatch: "*"]))
    #expect(none.status == .notFound)
  }
}
