import Eventually
import HTTPTypes

extension API {
  /// The OpenAPI 3.1 document, as JSON.
  public var openAPI: [UInt8] {
    var document = OpenAPIDocument(api: self)
    return document.write()
  }
}

/// Writes an interface as an OpenAPI 3.1 document. What operations have in common is written once, among the components.
struct OpenAPIDocument {
  private let api: API
  private let names: OperationNames
  private var components = Components()

  init(api: API) {
    self.api = api
    names = OperationNames(api.operations)
  }

  mutating func write() -> [UInt8] {
    // The components are known once the paths are written.
    var paths = JSONWriter()
    writePaths(&paths)
    var json = JSONWriter()
    json.beginObject()
    json.member("openapi", "3.1.0")
    json.key("info")
    json.beginObject()
    json.member("title", api.title)
    json.member("summary", api.summary)
    json.member("description", Self.description)
    json.member("version", api.version)
    json.endObject()
    json.key("servers")
    json.raw(#"[{"url":"/","description":"The process that answers this document"}]"#.utf8)
    writeTags(&json)
    json.key("paths")
    json.raw(paths.bytes)
    json.key("components")
    json.beginObject()
    components.write(&json)
    if api.tokens != nil {
      json.key("securitySchemes")
      json.beginObject()
      json.key("token")
      json.beginObject()
      json.member("type", "http")
      json.member("scheme", "bearer")
      json.member(
        "description",
        "A token has a role: 'read', 'write' or 'administer'. Each may do what those before it may. An operation names the role that it needs."
      )
      json.endObject()
      json.endObject()
    }
    json.endObject()
    json.endObject()
    return json.bytes
  }

  private static let description =
    "What is not carried out is answered with problem details (RFC 9457), whose `type` is the address of a page here that says what to "
    + "do. Any request may be answered so: 400 where it is not HTTP, 404 and 405 where there is no such path or method, 431 where its "
    + "header is too large. `HEAD` is answered as `GET`, without a body. Larger answers come in gzip where `Accept-Encoding` takes it."

  private func writeTags(_ json: inout JSONWriter) {
    json.key("tags")
    json.beginArray()
    var written: Set<String> = []
    for tag in api.operations.map(\.documentTag) where written.insert(tag.name).inserted {
      json.beginObject()
      json.member("name", tag.name)
      if !tag.description.isEmpty { json.member("description", tag.description) }
      json.endObject()
    }
    json.endArray()
  }

  private mutating func writePaths(_ json: inout JSONWriter) {
    json.beginObject()
    for path in Set(api.operations.map(\.path)).sorted() {
      json.key(named: path)
      json.beginObject()
      for operation in api.operations where operation.path == path { write(operation, &json) }
      json.endObject()
    }
    json.endObject()
  }

  private mutating func write(_ operation: API.Operation, _ json: inout JSONWriter) {
    json.key(named: operation.method.rawValue.lowercased())
    json.beginObject()
    if let name = names.name(operation.method.rawValue, operation.path) {
      json.member("operationId", name)
    }
    json.member("tags", [operation.documentTag.name])
    json.member("summary", operation.summary)
    if !operation.description.isEmpty { json.member("description", operation.description) }
    if api.tokens != nil, operation.role > .anyone {
      json.key("security")
      json.raw(#"[{"token":["\#(operation.role.rawValue)"]}]"#.utf8)
    }
    let parameters =
      operation.parameters + (operation.isTagged ? [API.ifNoneMatch] : [])
      + (operation.isVital ? [] : [API.requestID])
    if !parameters.isEmpty {
      json.key("parameters")
      json.beginArray()
      for parameter in parameters { write(parameter, &json) }
      json.endArray()
    }
    if let body = operation.body {
      json.key("requestBody")
      json.beginObject()
      json.key("required")
      json.bool(operation.isBodyRequired)
      write(
        content: [("application/json", body)], example: operation.bodyExample ?? body.example(),
        &json)
      json.endObject()
    }
    json.key("responses")
    json.beginObject()
    for answer in answers(of: operation) {
      json.key(named: "\(answer.status)")
      write(answer, of: operation, &json)
    }
    json.endObject()
    json.endObject()
  }

  private mutating func write(_ parameter: API.Parameter, _ json: inout JSONWriter) {
    var value = JSONWriter()
    value.beginObject()
    value.member("name", parameter.name)
    value.member("in", parameter.place.rawValue)
    value.member("description", parameter.summary)
    value.key("required")
    value.bool(parameter.isRequired)
    if case .array = parameter.schema.plain {
      // Separated by commas.
      value.member("style", "form")
      value.key("explode")
      value.bool(false)
    }
    value.key("schema")
    parameter.schema.plain.write(&value, &components)
    if let example = parameter.schema.example(of: parameter.name) {
      value.key("example")
      value.raw(example.json)
    }
    value.endObject()
    let name = OperationNames.identifier([parameter.name])
    components.refer(to: value.bytes, .parameters, name, &json)
  }

  // MARK: - Answers

  private mutating func write(
    _ answer: API.Response, of operation: API.Operation, _ json: inout JSONWriter
  ) {
    var value = JSONWriter()
    value.beginObject()
    value.member("description", answer.summary)
    value.key("headers")
    value.beginObject()
    var headers = [API.Header.requestID]
    if [429, 503].contains(answer.status) { headers.append(.retryAfter) }
    if answer.status == 401 { headers.append(.authenticate) }
    if operation.isTagged, [200, 304].contains(answer.status) { headers.append(.entityTag) }
    for header in headers + answer.headers { write(header, &value) }
    value.endObject()
    // What tells how the process is has a form of its own.
    let isProblem = answer.status >= 400 && !operation.isVital
    if isProblem {
      write(problems: answer.problems, &value)
    } else if ![204, 304].contains(answer.status) {
      write(
        content: [(answer.contentType, answer.schema)] + answer.alternatives,
        example: answer.example ?? answer.schema?.example(), &value)
    }
    write(answer.links, &value)
    value.endObject()
    guard isProblem || answer.status == 304 else { return json.raw(value.bytes) }
    let phrase = HTTPResponse.Status(code: answer.status).reasonPhrase
    components.refer(
      to: value.bytes, .responses, phrase.isEmpty ? "\(answer.status)" : phrase, &json)
  }

  private mutating func write(_ header: API.Header, _ json: inout JSONWriter) {
    var value = JSONWriter()
    value.beginObject()
    value.member("description", header.summary)
    value.key("schema")
    header.schema.plain.write(&value, &components)
    if let example = header.schema.example(of: header.name) {
      value.key("example")
      value.raw(example.json)
    }
    value.endObject()
    json.key(named: header.name)
    components.refer(to: value.bytes, .headers, header.name, &json)
  }

  /// Problems, with one of each kind as an example.
  private mutating func write(problems: [RequestError], _ json: inout JSONWriter) {
    json.key("content")
    json.beginObject()
    json.key("application/problem+json")
    json.beginObject()
    json.key("schema")
    RequestError.schema.write(&json, &components)
    json.key("examples")
    json.beginObject()
    var written: Set<String> = []
    for problem in problems {
      let name = [problem.kind.rawValue, problem.code].compactMap(\.self).joined(separator: ".")
      guard written.insert(name).inserted else { continue }
      var value = JSONWriter()
      value.beginObject()
      value.member("summary", problem.code == nil ? problem.kind.title : problem.message)
      value.key("value")
      problem.write(&value, instance: "/requests/5f1c2c0e7a4b9d38a1b2c3d4e5f60718")
      value.endObject()
      json.key(named: name)
      components.refer(to: value.bytes, .examples, name, &json)
    }
    json.endObject()
    json.endObject()
    json.endObject()
  }

  /// - Parameter example: of the first type.
  private mutating func write(
    content: [API.Content], example: API.Example?, _ json: inout JSONWriter
  ) {
    json.key("content")
    json.beginObject()
    for (index, (type, schema)) in content.enumerated() {
      json.key(named: type)
      json.beginObject()
      if let schema {
        json.key("schema")
        schema.plain.write(&json, &components)
      }
      if let example = index == 0 ? example : schema?.example() {
        json.key("example")
        json.raw(example.json)
      }
      json.endObject()
    }
    json.endObject()
  }

  private func write(_ links: [API.Link], _ json: inout JSONWriter) {
    let known = links.compactMap { link in
      names.name("GET", link.path).map { (name: link.name, operation: $0) }
    }
    if known.isEmpty { return }
    json.key("links")
    json.beginObject()
    for link in known {
      json.key(named: link.name)
      json.beginObject()
      json.member("operationId", link.operation)
      json.key("parameters")
      json.raw(##"{"id":"$response.body#/id"}"##.utf8)
      json.endObject()
    }
    json.endObject()
  }

  /// The operation's own answers, and those that follow from what it takes.
  private func answers(of operation: API.Operation) -> [API.Response] {
    var answers = operation.answers
    func add(_ answer: API.Response) {
      if !answers.contains(where: { $0.status == answer.status }) { answers.append(answer) }
    }
    if operation.role > .anyone, api.tokens != nil {
      add(API.Response("The bearer token is missing or unknown", .unauthorized))
      let refused = API.Response("The token's role does not allow it", .forbidden)
      if let index = answers.firstIndex(where: { $0.status == refused.status }) {
        answers[index].summary = "\(refused.summary), or: \(answers[index].summary)"
        answers[index].problems += refused.problems
      } else {
        add(refused)
      }
    }
    if !operation.parameters.isEmpty || operation.body != nil || operation.isTagged {
      add(
        API.Response(
          "A parameter, a header or the body can't be read",
          operation.body == nil ? [.invalidRequest] : [.invalidRequest, .invalidJSON]))
    }
    if operation.isTagged { add(API.Response(304, "What the asker has is what there is")) }
    if operation.body != nil {
      add(API.Response("The body did not arrive in time", .tooSlow))
      add(API.Response("The body is too large", .bodyTooLarge))
      add(API.Response("There is a body, and it is not said to be JSON", .notJSON))
    }
    if !operation.isVital { for answer in API.commonAnswers { add(answer) } }
    return answers.sorted { $0.status < $1.status }
  }
}

extension API.Operation {
  /// The group that it is in: its own, or else the first part of its path.
  fileprivate var documentTag: API.Tag {
    tag ?? API.Tag(name: path.split(separator: "/").first.map(String.init) ?? "")
  }
}
