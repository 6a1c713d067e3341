import Eventually
import EventuallyKafka
import HTTPTypes

/// The event feed: a store's events for workers, and for whoever wants all of them.
struct FeedRoutes: Sendable {
  private static let lines = "application/x-ndjson"
  private static let page = "application/json"
  private static let stream = EventWriter.contentType
  /// A page is in memory as a whole.
  private static let pageBytes = 1 << 20

  let store: ApplicationStore
  let publisher: KafkaPublisher<ApplicationStore>
  /// Streams that are open.
  let viewers: Budget
  /// Events, for the OpenAPI document.
  let examples: [API.Example]

  private var log: any StoreLog { store.log }

  private static let tag = API.Tag(
    name: "feed", description: "The store, and its events for workers and other systems.")
  private static let storeSchema = Schema.named(
    "Store",
    .object([
      .required("storeId", .string(minimum: 1).example("019ab0c4-6d2e-7c41-9c1f-3f5d8a2b7e60")),
      .required("partitions", .integer(1...10_000).example(2)),
      .required("head", .integer(0...(1 << 62)).example(42)),
      .required("published", .integer(0...(1 << 62)).example(42)),
      .required("heads", .array(.integer(0...(1 << 62))).example([24, 18])),
    ]))

  func add(to api: inout API) {
    let examples = examples.isEmpty ? [RecordJSON.example(of: "account/1")] : examples
    let line = String(decoding: examples[0].json, as: UTF8.self)
    var feed = API.Operation(
      .get, "/events",
      "The events, of a partition or of the whole store: one a line, as a page, or as a stream that goes on",
      parameters: parameters,
      answers: [
        API.Response(
          200, "Events, in the form that Accept prefers", contentType: Self.page,
          .array(RecordJSON.schema)
        ).carrying(.link).example(.init(examples))
          .or(Self.lines, .string().example(.init(stringLiteral: line + "\n")))
          .or(Self.stream, .string().example(.init(stringLiteral: "id: 1\ndata: \(line)\n\n"))),
        API.Response("This is another store", .wrongStore),
      ], handler: events)
    feed.operationID = "getEvents"
    feed.description =
      "With `Accept: application/json` a page, and the address of the next one in the header `Link`; with `text/event-stream` Server-Sent Events "
      + "that go on; one event a line otherwise."
    feed.tag = Self.tag
    api.add(feed)
    var asked = API.Operation(
      .get, "/store", "The store's id, partitions and heads",
      answers: [API.Response(200, "The store", Self.storeSchema)]
    ) { _ in
      let summary = try await summary()
      return JSONResponse { summary.write(&$0) }
    }
    asked.operationID = "getStore"
    asked.description =
      "`head` is the last sequence number, `heads` the last partition offsets, and `published` the sequence number up to which the broker has all events."
    asked.tag = Self.tag
    api.add(asked)
  }

  private var parameters: [API.Parameter] {
    [
      .query(
        "partition", "Only this partition's",
        .integer(0...Int64(log.partitionCount) - 1)
          .example(0)),
      .query(
        "partitions",
        "Only these partitions', separated by commas, in the store's order; goes before 'partition'",
        .array(.integer(0...Int64(log.partitionCount) - 1), minimum: 1).example([0])),
      .query(
        "after",
        "The position, in the partition or in the store, after which to begin; of a stream the sequence number",
        .integer(0...(1 << 62)).example(41)),
      .query(
        "limit", "At most this many events; a stream has no end",
        .integer(1...Int64(HTTPEventFeed.largestPage)).example(100)),
      .query(
        "store", "The id of the store that is meant",
        .string(maximum: 80).example("019ab0c4-6d2e-7c41-9c1f-3f5d8a2b7e60")),
      API.Parameter(
        name: "Last-Event-ID", place: .header,
        summary: "Of a stream, the sequence number after which to begin; goes before 'after'",
        schema: .string(pattern: "^[0-9]{1,18}$").example("41")),
    ]
  }

  /// The events in the form that is asked for. Whoever names a store gets events of that store or none.
  private func events(_ request: APIRequest) async throws -> JSONResponse {
    if let asked = try request.parameter("store"), asked != log.storeID {
      throw RequestError(
        kind: .wrongStore,
        "this is the store \(log.storeID), not \(asked.excerpt): ask that one's writer",
        parameter: "store")
    }
    let after = try request.number("after", default: 0)
    let last = try lastEvent(request)
    let limit = Int(
      try request.number("limit", default: 1000, in: 1...UInt64(HTTPEventFeed.largestPage)))
    let scope = try scope(request)
    let accepted = QualityList(request.headers[.accept] ?? "")
    var response: JSONResponse
    switch accepted.best(of: [Self.lines, Self.page, Self.stream]) {
    case Self.page: response = try await page(request, scope, after, limit)
    case Self.stream: response = try await stream(scope, last ?? after)
    default:
      response = try await JSONResponse(
        pieces: EventPieces(log: log, scope: scope, after: after, limit: limit))
      response.contentType = Self.lines
    }
    response.headers[.vary] = "Accept"
    return response
  }

  private func scope(_ request: APIRequest) throws -> LogScope {
    var scope = LogScope.store
    if try request.parameter("partition") != nil {
      let range = 0...UInt64(log.partitionCount - 1)
      scope = .partition(Partition(try request.number("partition", in: range)))
    }
    if let list = try request.parameter("partitions") {
      let partitions = list.split(separator: ",", omittingEmptySubsequences: false)
        .map { Partition($0) ?? -1 }
      guard partitions.allSatisfy({ (0..<log.partitionCount).contains($0) }) else {
        throw RequestError(
          kind: .invalidRequest,
          "the parameter 'partitions' must be numbers from 0 to "
            + "\(log.partitionCount - 1), separated by commas", parameter: "partitions")
      }
      scope = .partitions(Set(partitions))
    }
    return scope
  }

  /// An array, and the address of the next one where there are more events.
  private func page(
    _ request: APIRequest, _ scope: LogScope, _ after: UInt64, _ limit: Int
  ) async throws -> JSONResponse {
    let records = try await log.records(
      of: scope, after: after, limit: limit, bytes: Self.pageBytes)
    let response = JSONResponse { json in
      json.beginArray()
      for record in records { RecordJSON.write(record, &json) }
      json.endArray()
    }
    guard let last = records.last?.position else { return response }
    let place = if case .partition = scope { last.partitionOffset } else { last.sequenceNumber }
    let next = try await log.records(of: scope, after: place, limit: 1, bytes: 1)
    return next.isEmpty ? response : response.linked(to: request.link("after", "\(place)"))
  }

  /// The last event that a client of a stream has.
  private func lastEvent(_ request: APIRequest) throws -> UInt64? {
    guard let text = EventWriter.lastEventID.flatMap({ request.headers[$0] }) else { return nil }
    guard let number = UInt64(text), number <= 1 << 62 else {
      throw RequestError(
        kind: .invalidRequest, "the header 'Last-Event-ID' must be a sequence number",
        parameter: "last-event-id")
    }
    return number
  }

  /// Events until the client or the process ends.
  private func stream(
    _ scope: LogScope, _ after: UInt64
  ) async throws -> JSONResponse {
    // Sequence numbers tell the order, of one partition too.
    var scope = scope
    if case .partition(let partition) = scope { scope = .partitions([partition]) }
    guard let place = viewers.share() else {
      throw Overloaded("\(viewers.limit) streams of events are open")
    }
    return try await JSONResponse(
      events: EventStream(log: log, head: store.head, scope: scope, after: after), place: place)
  }

  private func summary() async throws -> StoreSummary {
    StoreSummary(
      storeID: log.storeID, partitionCount: log.partitionCount,
      heads: try await log.heads(), head: try await log.head(),
      published: publisher.status.published)
  }
}
