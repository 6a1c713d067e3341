import Eventually
import HTTPTypes

/// A query with all that its answer depends on, and that equal questions share.
struct LiveQuestion: Sendable, Hashable {
  /// Longer answers can't be watched: each viewer may have one in hand.
  static let largestAnswer = 1 << 20
  /// What tells it from other questions to the read model.
  private let text: String
  private let request: APIRequest
  private let query: RegisteredQuery

  /// Headers that tell who asks and how, and not what. A query that is live does not get them.
  private static let passedOver: Set<String> = [
    "accept", "accept-encoding", "cache-control", "causation-id", "connection", "content-length",
    "correlation-id", "dnt", "eventually-token", "host", "if-match", "if-none-match",
    "keep-alive", "last-event-id", "origin", "pragma", "priority", "referer", "te", "traceparent",
    "tracestate", "upgrade-insecure-requests", "user-agent", "x-request-id",
    // What proxies add of the way that a request took: it differs from viewer to viewer, and would have each run the query
    // alone.
    "b3", "cf-connecting-ip", "cf-ray", "cf-visitor", "forwarded", "true-client-ip", "via",
    "x-amzn-trace-id", "x-client-ip",
    "x-cloud-trace-context", "x-correlation-id", "x-forwarded-for", "x-forwarded-host",
    "x-forwarded-port", "x-forwarded-proto", "x-forwarded-scheme", "x-forwarded-server",
    "x-original-forwarded-for", "x-real-ip", "x-scheme",
  ]
  private static let prefixesPassedOver = ["sec-", "x-b3-", "x-envoy-"]

  init(_ query: RegisteredQuery, _ request: APIRequest) {
    let names = Set(QueryRoutes.consistency.map(\.name))
    let target = request.target(without: names)
    let headers = request.headers.filter { field in
      let name = field.name.canonicalName
      return !Self.passedOver.contains(name)
        && !Self.prefixesPassedOver.contains { name.hasPrefix($0) }
    }
    let lines = headers.map { "\($0.name.canonicalName): \($0.value)" }.sorted()
    text = ([target] + lines).joined(separator: "\n")
    var asked = APIRequest(.get, target, headers: HTTPFields(headers))
    asked.pathParameters = request.pathParameters
    self.request = asked
    self.query = query
  }

  static func == (one: LiveQuestion, other: LiveQuestion) -> Bool { one.text == other.text }

  func hash(into hasher: inout Hasher) {
    hasher.combine(text)
  }

  /// - Throws: what the query throws, and where its answer is none that can be watched.
  func answer(_ reader: any ReadModelSource) async throws -> LiveAnswer {
    let response = try await query.answer(request, reader).taggedByContent()
    guard response.status == .ok else { throw LiveRefusal(response: response) }
    let bytes = try await response.wholeBody(atMost: Self.largestAnswer)
    guard let bytes else {
      throw RequestError(
        kind: .invalid,
        "the answer has more than \(Self.largestAnswer >> 10) KiB, too many to watch: ask for less, with 'limit' for example"
      )
    }
    return LiveAnswer(bytes, tag: response.headers[.eTag])
  }
}

/// An answer of a query, as an event.
struct LiveAnswer: Sendable, Equatable {
  let tag: EntityTag
  let event: EventWriter

  /// - Parameter tag: the answer's `ETag`; `nil` for one that follows from what it says.
  init(_ bytes: [UInt8], tag: String?) {
    if let tag, case .these(let tags)? = EntityTags(tag), let first = tags.first {
      self.tag = first
    } else {
      self.tag = EntityTag(contentOf: [bytes])
    }
    var event = EventWriter()
    event.event("answer", id: self.tag.value, data: bytes)
    self.event = event
  }

  init(_ event: EventWriter, tag: EntityTag) {
    self.event = event
    self.tag = tag
  }

  static func == (one: LiveAnswer, other: LiveAnswer) -> Bool { one.tag == other.tag }
}

/// A query was answered with another status than 200.
struct LiveRefusal: Error {
  var response: JSONResponse
}
