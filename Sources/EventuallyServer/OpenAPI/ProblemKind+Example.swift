import HTTPTypes

extension ProblemKind {
  /// What an answer of the kind may say, for the OpenAPI document.
  var example: RequestError {
    var error =
      switch self {
      case .refused: RequestError(.conflict, code: "refused", "the command is refused")
      default: RequestError(kind: self, exampleDetail, parameter: exampleParameter)
      }
    switch self {
    case .conflict, .preconditionFailed: (error.expectedVersion, error.actualVersion) = (3, 4)
    case .invalidMember: error.member = "name"
    default: break
    }
    return error
  }

  private var exampleDetail: String {
    switch self {
    case .invalidRequest: "the parameter 'limit' must be a number from 1 to 1000"
    case .invalidJSON: "the body is not the JSON expected: it ends early, at byte 17"
    case .unauthorized:
      "the header 'Authorization: Bearer …' is missing or does not hold the token"
    case .notFound: "there is no 'nobody'"
    case .tooSlow: "the body did not arrive within 30 seconds: send the request again"
    case .conflict: "the entity is at version 4, and was expected at 3"
    case .preconditionFailed:
      "the entity is at version 4, not as the request expects it: read it again, decide anew, and repeat"
    case .bodyTooLarge: "a body may have at most 1048576 bytes: send less at a time"
    case .notJSON: "a body must come with 'Content-Type: application/json'"
    case .invalidMember: "'name' is missing"
    case .invalid: "'a b' can't be an id: it has to be \(IDRule.default.description)"
    case .overloaded: "256 requests are being worked on: try again in a moment"
    case .stopping: "the process is stopping: try again in a moment"
    case .notYet: "the read model has not got to the token's event within 5 seconds"
    default: title.prefix(1).lowercased() + title.dropFirst()
    }
  }

  private var exampleParameter: String? {
    switch self {
    case .invalidRequest: "limit"
    case .unauthorized: "authorization"
    case .wrongStore: "store"
    case .notJSON: "content-type"
    case .invalid: "id"
    default: nil
    }
  }
}
