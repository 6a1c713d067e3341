import Eventually

extension API {
  /// A header of an answer, in the OpenAPI document.
  struct Header: Sendable {
    var name: String
    var summary: String
    var schema: Schema

    static let entityTag = Header(
      name: "ETag", summary: "The state's tag; an entity's is its version in quotes",
      schema: .string(minimum: 2).example("\"3\""))
    static let token = Header(
      name: "Eventually-Token",
      summary:
        "The place of the entity's last event: a query that comes with it waits until the read model has applied that",
      schema: .token)
    static let replayed = Header(
      name: "Idempotent-Replayed",
      summary: "true where the request's key came before: this is the answer of then",
      schema: .string(values: ["true"]))
    static let location = Header(
      name: "Location", summary: "Where to ask what has become of it",
      schema: .string(minimum: 1).example("/things/1/removal"))
    static let authenticate = Header(
      name: "WWW-Authenticate", summary: "Bearer, with what is wrong with the token",
      schema: .string(minimum: 1).example("Bearer"))
    static let link = Header(
      name: "Link",
      summary: "The address of the next page, where there is one: <…>; rel=\"next\"",
      schema: .string(minimum: 1).example("</things?cursor=WzUwMCwiZXZlIl0>; rel=\"next\""))
    static let preferenceApplied = Header(
      name: "Preference-Applied", summary: "return=minimal",
      schema: .string(values: ["return=minimal"]))
    static let requestID = Header(
      name: "X-Request-Id", summary: "What the request is called in logs",
      schema: .string(minimum: 1, maximum: 128).example("5f1c2c0e7a4b9d38a1b2c3d4e5f60718"))
    static let retryAfter = Header(
      name: "Retry-After", summary: "In how many seconds to try again",
      schema: .integer(0...86_400))
  }

  /// Answers that any operation may give.
  static let commonAnswers = [
    Response("Something failed that should not", .internal, .damaged),
    Response(
      "Overloaded, or what is asked for can't be had at the moment; worth trying again",
      .overloaded, .stopping, .unavailable),
  ]

  /// What any request may bring.
  static let requestID = Parameter(
    name: "X-Request-Id", place: .header,
    summary:
      "What the request is to be called in its answer and in logs: 1 to 128 printable ASCII characters; made up otherwise",
    schema: .string().example("5f1c2c0e7a4b9d38a1b2c3d4e5f60718"))

  /// What a command may say of where it comes from.
  static let contextParameters = [
    Parameter(
      name: "correlation-id", place: .header, summary: "Kept with the events: what they belong to",
      schema: contextSchema.example("basket-17")),
    Parameter(
      name: "causation-id", place: .header, summary: "Kept with the events: what led to them",
      schema: contextSchema.example("click-4711")),
    Parameter(
      name: "traceparent", place: .header, summary: "The trace that the events belong to (W3C)",
      schema: contextSchema.example("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")),
  ]
  private static let contextSchema = Schema.string(
    pattern: "^[!-~]([ -~]{0,198}[!-~])?$")

  /// What a command expects of its entity, and how it wants to be answered.
  static let commandParameters =
    [Parameter.idempotencyKey] + conditions + [
      Parameter(
        name: "Prefer", place: .header, summary: "return=minimal for an answer without a body",
        schema: .string().example("return=minimal"))
    ]
  /// What a command expects of its entity.
  static let conditions = [
    Parameter(
      name: "If-Match", place: .header,
      summary:
        "The versions in quotes of which the entity must be at one; * where it must be there",
      schema: tagsSchema.example("\"3\"")),
    Parameter(
      name: "If-None-Match", place: .header,
      summary: "* where the entity must not be there; or the versions that it must not be at",
      schema: tagsSchema.example("*")),
  ]
  /// What a read takes that is answered with a tag.
  static let ifNoneMatch = Parameter(
    name: "If-None-Match", place: .header,
    summary: "The tags of what the asker has: answered 304 where that is what there is",
    schema: tagsSchema.example("\"3\""))
  private static let tagsSchema = Schema.named(
    "EntityTags",
    .oneOf([
      .string(values: ["*"]), .string(pattern: #"^(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*$"#),
    ]))
}

extension Schema {
  /// A consistency token of an answer.
  static let token = Schema.string(pattern: "^[0-9]+-[0-9]+$").example("0-9")

  /// The same without the value at its outside.
  var plain: Schema { if case .with(let schema, _) = self { schema } else { self } }
}

extension API.Response {
  /// An answer that tells of problems; its status is the first one's.
  init(_ summary: String, _ kinds: ProblemKind...) {
    self.init(summary, kinds)
  }

  init(_ summary: String, _ kinds: [ProblemKind]) {
    self.init(kinds[0].status, summary)
    problems = kinds.map(\.example)
  }

  /// The same with some of the errors that it may tell of, as examples: those of an aggregate, or ``RequestError``.
  public func telling(_ errors: any Error...) -> API.Response {
    var response = self
    response.problems = errors.map { RequestError(refusal: $0) }
    return response
  }

  /// An answer with a page of a list, for queries that are written by hand: an array, and the next page's address in `Link`.
  public static func page(_ summary: String, of row: Schema) -> API.Response {
    API.Response(200, summary, .array(row)).carrying(.link)
  }

  /// The same with a body as an example.
  public func example(_ value: API.Example?) -> API.Response {
    var response = self
    response.example = value
    return response
  }

  /// The same with links.
  func linking(_ links: [API.Link]) -> API.Response {
    var response = self
    response.links = links
    return response
  }

  /// The same with headers.
  func carrying(_ headers: API.Header...) -> API.Response { carrying(headers) }

  func carrying(_ headers: [API.Header]) -> API.Response {
    var response = self
    response.headers += headers
    return response
  }

  /// The same, where the body may come in another media type too.
  func or(_ contentType: String, _ schema: Schema? = nil) -> API.Response {
    var response = self
    response.alternatives.append((contentType, schema))
    return response
  }
}
