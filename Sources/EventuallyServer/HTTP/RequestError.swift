import Eventually
public import HTTPTypes

/// Why a request is not carried out; a handler throws it. It is answered as problem details (RFC 9457).
public struct RequestError: Error, Sendable, CustomStringConvertible {
  /// The status of the answer.
  public var status: HTTPResponse.Status
  /// What tells programs one reason of the application's from another.
  public var code: String?
  /// What is wrong, and what to do.
  public var message: String
  /// Further headers of the answer.
  public var headers: HTTPFields
  /// What kind of problem it is.
  let kind: ProblemKind
  /// The way to the member of the body that is wrong: `commands[0].deposit.cents`.
  var member: String?
  /// The parameter or the header that is wrong.
  var parameter: String?
  /// The version that the request expected the entity at.
  var expectedVersion: Version?
  /// The version that it is at.
  var actualVersion: Version?

  /// A refusal.
  public init(
    _ status: HTTPResponse.Status, code: String? = nil, _ message: String,
    headers: HTTPFields = [:]
  ) {
    self.status = status
    self.code = code
    self.message = message
    self.headers = headers
    kind = code != nil && status.code < 500 ? .refused : ProblemKind(status: status.code)
  }

  /// A refusal of a kind.
  /// - Parameter parameter: the parameter or the header that is wrong.
  init(kind: ProblemKind, _ message: String, parameter: String? = nil) {
    self.kind = kind
    self.message = message
    self.parameter = parameter
    status = HTTPResponse.Status(code: kind.status)
    headers = [:]
  }

  /// The message.
  public var description: String { message }

  /// The answer.
  /// - Parameter id: the request's.
  func response(id: RequestID?) -> JSONResponse {
    var response = JSONResponse(status) { write(&$0, instance: id?.uri) }
    response.contentType = "application/problem+json"
    response.headers = headers
    return response
  }

  func write(_ json: inout JSONWriter, instance: String?) {
    json.beginObject()
    json.member("type", kind.path)
    json.member("title", kind.title)
    json.member("status", status.code)
    json.member("detail", message)
    if let instance { json.member("instance", instance) }
    if let code { json.member("code", code) }
    if let member { json.member("member", member) }
    if let parameter { json.member("parameter", parameter) }
    if let expectedVersion { json.member("expectedVersion", expectedVersion) }
    if let actualVersion { json.member("actualVersion", actualVersion) }
    json.endObject()
  }

  /// What the answer looks like.
  static let schema = Schema.named(
    "Problem",
    .object([
      .required("type", .string(pattern: "^/problems/[a-z-]+$").example("/problems/refused")),
      .required("title", .string(minimum: 1)), .required("status", .integer(400...599)),
      .required("detail", .string(minimum: 1)), .optional("instance", .string(minimum: 1)),
      .optional("code", .string(minimum: 1)), .optional("member", .string(minimum: 1)),
      .optional("parameter", .string(minimum: 1)),
      .optional("expectedVersion", .integer(0...(1 << 62))),
      .optional("actualVersion", .integer(0...(1 << 62))),
    ]))
}

/// Too much at once: the same request is worth trying again after a second.
struct Overloaded: Error, CustomStringConvertible {
  var description: String

  init(_ what: String) {
    description = "\(what): try again in a moment"
  }
}
