import Eventually

extension API {
  /// A header of an answer, in the OpenAPI document.
  struct Header: Sendable {
    var name: String
    var summary: String
    var schema: Schema

    static let authenticate = Header(
      name: "WWW-Authenticate", summary: "Bearer, with what is wrong with the token",
      schema: .string(minimum: 1))
    static let entityTag = Header(
      name: "ETag", summary: "The state's tag; an entity's is its version in quotes",
      schema: .string(minimum: 2))
    static let link = Header(
      name: "Link",
      summary: "The address of the next page, where there is one: <…>; rel=\"next\"",
      schema: .string(minimum: 1))
    static let preferenceApplied = Header(
      name: "Preference-Applied", summary: "return=minimal",
      schema: .string(values: ["return=minimal"]))
    static let requestID = Header(
      name: "X-Request-Id", summary: "What the request is called in logs",
      schema: .string(minimum: 1, maximum: 128))
    static let retryAfter = Header(
      name: "Retry-After", summary: "In how many seconds to try again",
      schema: .integer(0...86_400))

    func write(_ json: inout JSONWriter) {
      json.key(named: name)
      json.beginObject()
      json.member("description", summary)
      json.key("schema")
      schema.write(&json)
      json.endObject()
    }
  }

  /// Answers that any operation may give.
  static let commonAnswers = [
    Response(503, "Overloaded, or what is asked for can't be had at the moment; worth trying again")
  ]

  /// What a command may say of where it comes from.
  static let contextParameters = [
    Parameter(
      name: "correlation-id", place: .header, summary: "Kept with the events: what they belong to",
      schema: contextSchema),
    Parameter(
      name: "causation-id", place: .header, summary: "Kept with the events: what led to them",
      schema: contextSchema),
    Parameter(
      name: "traceparent", place: .header, summary: "The trace that the events belong to (W3C)",
      schema: contextSchema),
  ]
  private static let contextSchema = Schema.string(
    pattern: "^[!-~]([ -~]{0,198}[!-~])?$")

  /// What a command expects of its entity, and how it wants to be answered.
  static let commandParameters =
    [Parameter.idempotencyKey] + conditions + [
      Parameter(
        name: "Prefer", place: .header, summary: "return=minimal for an answer without a body",
        schema: .string())
    ]
  /// What a command expects of its entity.
  static let conditions = [
    Parameter(
      name: "If-Match", place: .header,
      summary:
        "The versions in quotes of which the entity must be at one; * where it must be there",
      schema: tagsSchema),
    Parameter(
      name: "If-None-Match", place: .header,
      summary: "* where the entity must not be there; or the versions that it must not be at",
      schema: tagsSchema),
  ]
  /// What a read takes that is answered with a tag.
  static let ifNoneMatch = Parameter(
    name: "If-None-Match", place: .header,
    summary: "The tags of what the asker has: answered 304 where that is what there is",
    schema: tagsSchema)
  private static let tagsSchema = Schema.oneOf([
    .string(values: ["*"]), .string(pattern: #"^(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*$"#),
  ])
}

extension API.Response {
  /// The same with headers.
  func carrying(_ headers: API.Header...) -> API.Response {
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
