import AsyncHTTPClient
import Eventually
import Foundation
import NIOCore
import NIOHTTP1
import Orders

/// What a server answered that was not what was asked for.
struct HTTPFailure: Error, CustomStringConvertible {
  var url: String
  var status: UInt
  var body: String

  var description: String {
    "\(url) answered \(status): \(body.trimmingCharacters(in: .whitespacesAndNewlines))"
  }
}

/// What a server answered.
struct HTTPAnswer: Sendable {
  var status: UInt
  /// How long to wait before the same request, where the server tells that in seconds; an hour at most.
  var retryAfter: Duration?
  var body: [UInt8]
}

/// A URL's parts that requests are made of.
package struct HTTPEndpoint: Sendable, Hashable {
  /// Without a slash at the end.
  package var base: String
  /// What the server asks for, where it asks for something.
  package var token: String?

  /// It follows no redirects: an answer sends neither a request nor its token elsewhere. It lives as long as the process.
  private static let client: HTTPClient = {
    var configuration = HTTPClient.Configuration.singletonConfiguration
    configuration.redirectConfiguration = .disallow
    return HTTPClient(configuration: configuration)
  }()

  /// An `http://` or `https://` URL of a host, and of a path where there is one; a port is from 1 to 65,535.
  package init?(_ text: String) {
    guard let url = URL(string: text), url.scheme == "http" || url.scheme == "https",
      let host = url.host(), !host.isEmpty, (1...65_535).contains(url.port ?? 80),
      url.query() == nil, url.fragment() == nil
    else { return nil }
    base = text
    while base.hasSuffix("/") { base.removeLast() }
  }

  /// Sends a request and collects the answer's body.
  package func send(
    _ method: String, _ path: String, body: [UInt8]? = nil, timeout: Duration = .seconds(10)
  ) async throws -> (status: UInt, body: [UInt8]) {
    let answer = try await ask(method, path, body: body, timeout: timeout)
    return (answer.status, answer.body)
  }

  /// Sends a request and collects the answer.
  func ask(
    _ method: String, _ path: String, body: [UInt8]? = nil, timeout: Duration = .seconds(10)
  ) async throws -> HTTPAnswer {
    var request = HTTPClientRequest(url: base + path)
    request.method = .init(rawValue: method)
    if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
    if let body {
      request.headers.add(name: "content-type", value: "application/json")
      request.body = .bytes(ByteBuffer(bytes: body))
    }
    let response = try await Self.client.execute(
      request, timeout: .milliseconds(timeout.milliseconds))
    let bytes = try await response.body.collect(upTo: 64 << 20)
    let seconds = response.headers.first(name: "retry-after").flatMap { Int($0) }
    return HTTPAnswer(
      status: UInt(response.status.code),
      retryAfter: seconds.map { .seconds(min(max($0, 0), 3600)) },
      body: Array(bytes.readableBytesView))
  }

  /// The body of an answer that says that all is well.
  func get(_ path: String) async throws -> [UInt8] {
    let answer = try await send("GET", path)
    guard answer.status == 200 else {
      throw HTTPFailure(
        url: base + path, status: answer.status,
        body: String(decoding: answer.body.prefix(500), as: UTF8.self))
    }
    return answer.body
  }
}

/// The feed of a writer, over HTTP.
///
/// Another writer may come to serve at the same address later, so each request says which store is meant.
struct HTTPEventFeed: EventLog {
  let endpoint: HTTPEndpoint
  let storeID: String
  let partitionCount: Partition

  func records(
    partition: Partition, after position: UInt64, limit: Int
  ) async throws -> [EventRecord] {
    try await records("partition=\(partition)&after=\(position)&limit=\(limit)")
  }

  func records(
    after sequenceNumber: UInt64, limit: Int
  ) async throws(EventStoreError) -> [EventRecord] {
    do {
      return try await records("after=\(sequenceNumber)&limit=\(limit)")
    } catch {
      throw .unavailable("the writer \(endpoint.base) could not be read", cause: error)
    }
  }

  func records(
    after sequenceNumber: UInt64, limit: Int, of partitions: Set<Partition>
  ) async throws -> [EventRecord] {
    let list = partitions.sorted().map(String.init).joined(separator: ",")
    return try await records("partitions=\(list)&after=\(sequenceNumber)&limit=\(limit)")
  }

  private func records(_ parameters: String) async throws -> [EventRecord] {
    let body = try await endpoint.get("/events?store=\(storeID)&\(parameters)")
    return try body.split(separator: UInt8(ascii: "\n")).map { line in
      let line = Array(line)
      return try OrderJSON.record(line.span)
    }
  }

  func heads() async throws -> [UInt64] {
    let store = try await StoreSummary(from: endpoint)
    guard store.storeID == storeID else {
      throw Failure("\(endpoint.base) now serves the store \(store.storeID), not \(storeID)")
    }
    return store.heads
  }
}

/// What a store is and where it stands.
struct StoreSummary: Sendable, Equatable {
  var storeID: String
  var partitionCount: Partition
  /// The last partition offset of each partition.
  var heads: [UInt64]
  /// The last sequence number.
  var head: UInt64
  /// The sequence number up to which the broker has acknowledged everything.
  var published: UInt64

  func write(_ json: inout JSONWriter) {
    json.beginObject()
    json.key("storeId")
    json.string(storeID)
    json.key("partitions")
    json.integer(partitionCount)
    json.key("head")
    json.integer(head)
    json.key("published")
    json.integer(published)
    json.key("heads")
    json.beginArray()
    for head in heads { json.integer(head) }
    json.endArray()
    json.endObject()
  }
}

extension StoreSummary {
  /// What a writer says of its store.
  init(from endpoint: HTTPEndpoint) async throws {
    let body = try await endpoint.get("/store")
    try self.init(json: body.span)
  }

  init(json bytes: Span<UInt8>) throws {
    var reader = JSONReader(bytes)
    self.init(storeID: "", partitionCount: 0, heads: [], head: 0, published: 0)
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if reader.isKey(key, "storeId") {
        storeID = try reader.string()
      } else if reader.isKey(key, "partitions") {
        partitionCount = Partition(truncatingIfNeeded: try reader.integer())
      } else if reader.isKey(key, "head") {
        head = UInt64(clamping: try reader.integer())
      } else if reader.isKey(key, "published") {
        published = UInt64(clamping: try reader.integer())
      } else if reader.isKey(key, "heads") {
        try reader.beginArray()
        while try reader.nextElement() { heads.append(UInt64(clamping: try reader.integer())) }
      } else {
        try reader.skip()
      }
    }
    guard !storeID.isEmpty, partitionCount > 0, heads.count == Int(partitionCount) else {
      throw InvalidMember("store", "lacks a part")
    }
  }
}
