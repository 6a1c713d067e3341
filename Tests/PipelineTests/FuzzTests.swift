import Eventually
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer
@testable import Orders

/// The interfaces' own OpenAPI documents tell what to send, and what may come back.
@Suite(.serialized, .timeLimit(.minutes(10))) struct FuzzTests {
  private struct Operation {
    var method: String
    var path: String
    var parameters: [[String: Any]]
    var body: [String: Any]?
    var answers: [String: [String: Any]]
  }

  /// The same with what references refer to in their place.
  private func resolved(_ value: Any, in document: [String: Any]) -> Any {
    if let list = value as? [Any] { return list.map { resolved($0, in: document) } }
    guard let object = value as? [String: Any] else { return value }
    guard let reference = object["$ref"] as? String else {
      return object.mapValues { resolved($0, in: document) }
    }
    let target = reference.split(separator: "/").dropFirst().reduce(document as Any) {
      ($0 as? [String: Any])?[String($1)] ?? NSNull()
    }
    return resolved(target, in: document)
  }

  private func operations(of endpoint: HTTPEndpoint) async throws -> [Operation] {
    let document = try await endpoint.text("/openapi.json")
    let whole = try #require(
      try JSONSerialization.jsonObject(with: Data(document.body.utf8)) as? [String: Any])
    let json = try #require(resolved(whole, in: whole) as? [String: Any])
    #expect(json["openapi"] as? String == "3.1.0")
    let paths = try #require(json["paths"] as? [String: [String: [String: Any]]])
    return paths.sorted { $0.key < $1.key }.flatMap { path, operations in
      operations.sorted { $0.key < $1.key }.map { method, operation in
        let content = (operation["requestBody"] as? [String: Any])?["content"] as? [String: Any]
        let body = content?["application/json"] as? [String: Any]
        return Operation(
          method: method.uppercased(), path: path,
          parameters: operation["parameters"] as? [[String: Any]] ?? [],
          body: body?["schema"] as? [String: Any],
          answers: operation["responses"] as? [String: [String: Any]] ?? [:])
      }
    }
  }

  /// Sends requests that are right, nearly right and all wrong; each is answered as the document says.
  private func fuzz(_ endpoint: HTTPEndpoint, rounds: Int, seed: UInt64) async throws {
    let operations = try await operations(of: endpoint)
    #expect(operations.count >= 3)
    var fuzzer = Fuzzer(random: SeededRandom(seed: seed))
    var statuses: [String: Int] = [:]
    for _ in 0..<rounds {
      // Seldom, so that there is something left.
      for operation in operations where operation.method != "DELETE" || fuzzer.oneIn(10) {
        let path = fuzzer.path(operation.path, operation.parameters)
        let body = operation.body.map { fuzzer.body($0) }
        let answer = try await endpoint.send(operation.method, path, body: body)
        let words =
          "\(operation.method) \(path) \(body.map { String(decoding: $0, as: UTF8.self) } ?? "")"
        let told =
          "seed \(seed): \(words.prefix(600)) was answered \(answer.status): "
          + "\(String(decoding: answer.body.prefix(300), as: UTF8.self))"
        statuses["\(operation.method) \(operation.path) \(answer.status)", default: 0] += 1
        let documented = operation.answers["\(answer.status)"]
        // A path that is none is no answer of the operation.
        if answer.status == 404, documented == nil, !path.hasPrefix(operation.path) { continue }
        if documented == nil { Issue.record("\(told)") }
        let content = documented?["content"] as? [String: Any] ?? [:]
        // Where there are several forms, the request did not say which it wants.
        if content.count == 1,
          content.keys.contains(where: { $0.hasSuffix("json") && !$0.contains("nd") }),
          (try? JSONSerialization.jsonObject(with: Data(answer.body))) == nil
        {
          Issue.record("not JSON: \(told)")
        }
      }
    }
    let health = try await endpoint.text("/healthz")
    #expect(health.status == 200, "seed \(seed): \(health.body)")
    // Some of what was sent was right; whether an order was just then in the state for it is another matter.
    for operation in operations {
      let key = "\(operation.method) \(operation.path)"
      let understood = ["200", "404", "409"].contains { statuses["\(key) \($0)"] != nil }
      #expect(understood, "seed \(seed): never \(key); \(statuses)")
      if operation.method == "GET" {
        #expect(statuses["\(key) 200"] != nil, "seed \(seed): never \(key); \(statuses)")
      }
    }
  }

  @Test func everythingIsAnsweredAsTheDocumentsSay() async throws {
    let seed = UInt64.random(in: 1...999_999)
    let pipeline = try Pipeline()
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter("--partitions", "4")
    // Something to be found, by one of the ids that are made up and by others.
    let order =
      #"{"commands":[{"create":{"country":"France","customer":"x"}},"#
      + #"{"addItem":{"sku":"A","quantity":2,"unitPrice":"1.50"}},{"complete":{}}]}"#
    for id in ["order_1", "order_2", "kept"] {
      #expect(try await writer.post("/orders/\(id)/commands", order).status == 200)
    }
    try await fuzz(writer, rounds: 120, seed: seed)
    let (projector, url) = try await pipeline.startProjector(
      "customers", feed: writer.base, worker: "customers")
    let others = [
      try await pipeline.startProjector("orders", feed: writer.base, worker: "orders").0,
      try await pipeline.startProjector("sales", feed: writer.base, worker: "sales").0,
    ]
    // What was placed by chance is in the read models as it is in the store.
    _ = try await pipeline.verifiedDigests()
    let file = pipeline.file("queries.url")
    let queries = try await pipeline.start(
      "projector", "serve", "--read-models", pipeline.readModels, "--listen", "127.0.0.1:0",
      "--address-file", file)
    let endpoint = try #require(HTTPEndpoint(try await pipeline.content(of: file, by: queries)))
    try await fuzz(endpoint, rounds: 60, seed: seed)
    try await fuzz(url, rounds: 60, seed: seed)
    for process in others + [projector, queries] { #expect(try await process.stop() == 0) }
    #expect(try await pipeline.writer?.stop() == 0)
  }
}

/// Makes values that fit a schema, and values that do not quite.
private struct Fuzzer {
  var random: SeededRandom

  mutating func oneIn(_ count: UInt64) -> Bool { random.next() % count == 0 }
  private mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int(random.next() % UInt64(elements.count))]
  }

  mutating func path(_ template: String, _ parameters: [[String: Any]]) -> String {
    var path = template
    var query: [String] = []
    for parameter in parameters {
      guard let name = parameter["name"] as? String,
        let schema = parameter["schema"] as? [String: Any]
      else { continue }
      if parameter["in"] as? String == "path" {
        let text = oneIn(5) ? strangeText() : identifier(schema)
        path = path.replacing("{\(name)}", with: encoded(text.isEmpty ? "x" : text))
      } else if !oneIn(2) {
        query.append("\(name)=\(encoded(oneIn(4) ? strangeText() : plain(schema)))")
      }
    }
    return query.isEmpty ? path : "\(path)?\(query.joined(separator: "&"))"
  }

  /// One of a few, so that requests meet the same orders.
  private mutating func identifier(_ schema: [String: Any]) -> String {
    if schema["type"] as? String == "integer" { return plain(schema) }
    if let values = schema["enum"] as? [String] { return pick(values) }
    return schema["pattern"] == nil ? pick(["x", "France"]) : "order_\(random.next() % 12)"
  }

  private mutating func plain(_ schema: [String: Any]) -> String {
    guard schema["type"] as? String == "integer" else { return pick(["12000", "France", "x"]) }
    let low = schema["minimum"] as? Int ?? 0
    let high = schema["maximum"] as? Int ?? 100
    return String(Int.random(in: low...min(high, low + 50), using: &random))
  }

  private mutating func strangeText() -> String {
    pick([
      "", " ", "a b", "../../etc", "%00", "\u{0}", "-1", "0", "99999999999999999999", "1e3", "null",
      "é", "\u{1F4A9}", "'; DROP TABLE events;--", String(repeating: "y", count: 3000), "..", "a/b",
      "?", "#", "true", "\\", "\"",
    ])
  }

  private func encoded(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "x"
  }

  mutating func body(_ schema: [String: Any]) -> [UInt8] {
    let json = value(schema, wrong: oneIn(3) ? 4 : 0)
    var bytes = Array(
      (try? JSONSerialization.data(withJSONObject: json, options: .fragmentsAllowed)) ?? Data())
    switch random.next() % 14 {
    case 0: bytes.removeLast(Int.random(in: 0...min(bytes.count, 5), using: &random))
    case 1:
      bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
    case 2 where !bytes.isEmpty:
      bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
        in: 0...255, using: &random)
    case 3: bytes = Array(String(repeating: "[", count: 5000).utf8)
    default: break
    }
    return bytes
  }

  /// - Parameter wrong: one value in so many does not fit; 0 for none.
  private mutating func value(_ schema: [String: Any], wrong: UInt64) -> Any {
    if wrong > 0, oneIn(wrong) {
      return pick(
        [
          NSNull(), -1, 1e30, true, "x", strangeText(), [Any](), [String: Any](),
          9_223_372_036_854_775_807,
        ] as [Any])
    }
    if let choices = schema["oneOf"] as? [[String: Any]] {
      return value(pick(choices), wrong: wrong)
    }
    switch schema["type"] as? String {
    case "object":
      let required = schema["required"] as? [String] ?? []
      var object: [String: Any] = [:]
      for (name, member) in (schema["properties"] as? [String: [String: Any]] ?? [:])
        .sorted(by: { $0.key < $1.key })
      where required.contains(name) ? wrong == 0 || !oneIn(8) : oneIn(2) {
        object[name] = value(member, wrong: wrong)
      }
      return object
    case "array":
      return (0..<Int.random(in: 1...4, using: &random)).map { _ in
        value(schema["items"] as? [String: Any] ?? [:], wrong: wrong)
      }
    case "integer":
      let low = schema["minimum"] as? Int ?? 0
      let high = schema["maximum"] as? Int ?? 10
      return oneIn(3) ? Int.random(in: low...high, using: &random) : min(max(1, low), high)
    case "string": return string(schema)
    case "boolean": return oneIn(2)
    default: return NSNull()
    }
  }

  private mutating func string(_ schema: [String: Any]) -> String {
    if let values = schema["enum"] as? [String] { return pick(values) }
    if schema["format"] as? String == "date-time" { return "2026-03-01T10:20:30Z" }
    guard schema["pattern"] is String else {
      return pick(["France", "x", String(repeating: "z", count: schema["maxLength"] as? Int ?? 10)])
    }
    return pick(["12.50", "0", "3.125", "-1"])
  }
}
