import Eventually
import HTTPTypes

/// The interface as an OpenAPI 3.1 document.
extension API {
  func write(_ json: inout JSONWriter) {
    json.beginObject()
    json.member("openapi", "3.1.0")
    json.key("info")
    json.beginObject()
    json.member("title", title)
    json.member("summary", summary)
    json.member("version", version)
    json.endObject()
    json.key("components")
    json.beginObject()
    json.key("schemas")
    json.beginObject()
    json.key("Problem")
    RequestError.schema.write(&json)
    json.endObject()
    if tokens != nil {
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
    json.key("paths")
    json.beginObject()
    for path in Set(operations.map(\.path)).sorted() {
      json.key(named: path)
      json.beginObject()
      for operation in operations where operation.path == path { write(operation, &json) }
      json.endObject()
    }
    json.endObject()
    json.endObject()
  }

  private func write(_ operation: Operation, _ json: inout JSONWriter) {
    json.key(named: operation.method.rawValue.lowercased())
    json.beginObject()
    json.member("summary", operation.summary)
    if tokens != nil, operation.role > .anyone {
      json.key("security")
      json.raw(#"[{"token":["\#(operation.role.rawValue)"]}]"#.utf8)
    }
    let parameters = operation.parameters + (operation.isTagged ? [Self.ifNoneMatch] : [])
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
      write(content: [("application/json", body)], &json)
      json.endObject()
    }
    json.key("responses")
    json.beginObject()
    for answer in answers(of: operation) {
      json.key(named: "\(answer.status)")
      json.beginObject()
      json.member("description", answer.summary)
      json.key("headers")
      json.beginObject()
      Header.requestID.write(&json)
      if [429, 503].contains(answer.status) { Header.retryAfter.write(&json) }
      let isTagged = operation.isTagged && [200, 304].contains(answer.status)
      for header in answer.headers + (isTagged ? [.entityTag] : []) { header.write(&json) }
      json.endObject()
      // What tells how the process is has a form of its own.
      if answer.status >= 400, !operation.isVital {
        json.key("content")
        json.raw(
          ##"{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}}"##.utf8
        )
      } else if ![204, 304].contains(answer.status) {
        write(content: [(answer.contentType, answer.schema)] + answer.alternatives, &json)
      }
      json.endObject()
    }
    json.endObject()
    json.endObject()
  }

  private func write(_ parameter: Parameter, _ json: inout JSONWriter) {
    json.beginObject()
    json.member("name", parameter.name)
    json.member("in", parameter.place.rawValue)
    json.member("description", parameter.summary)
    json.key("required")
    json.bool(parameter.isRequired)
    if case .array = parameter.schema {
      // Separated by commas.
      json.member("style", "form")
      json.key("explode")
      json.bool(false)
    }
    json.key("schema")
    parameter.schema.write(&json)
    json.endObject()
  }

  private func write(content: [(type: String, schema: Schema?)], _ json: inout JSONWriter) {
    json.key("content")
    json.beginObject()
    for (type, schema) in content {
      json.key(named: type)
      json.beginObject()
      if let schema {
        json.key("schema")
        schema.write(&json)
      }
      json.endObject()
    }
    json.endObject()
  }

  /// The operation's own answers, and those that follow from what it takes.
  private func answers(of operation: Operation) -> [Response] {
    var answers = operation.answers
    func add(_ answer: Response) {
      if !answers.contains(where: { $0.status == answer.status }) { answers.append(answer) }
    }
    if operation.role > .anyone, tokens != nil {
      add(
        Response(401, "The bearer token is missing or unknown").carrying(.authenticate))
      add(
        Response(403, "The token's role does not allow it").carrying(.authenticate))
    }
    if !operation.parameters.isEmpty || operation.body != nil || operation.isTagged {
      add(Response(400, "A parameter or the body can't be read"))
    }
    if operation.isTagged { add(Response(304, "What the asker has is what there is")) }
    if operation.body != nil {
      add(Response(408, "The body did not arrive in time"))
      add(Response(413, "The body is too large"))
    }
    for answer in Self.commonAnswers { add(answer) }
    return answers.sorted { $0.status < $1.status }
  }
}

extension API {
  /// The OpenAPI 3.1 document, as JSON.
  public var openAPI: [UInt8] {
    var json = JSONWriter()
    write(&json)
    return json.bytes
  }
}
