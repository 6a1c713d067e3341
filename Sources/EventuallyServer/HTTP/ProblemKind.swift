import Eventually
import HTTPTypes

/// A kind of problem that an answer may tell of.
///
/// Its name is for ever: answers have it in `type`, as `/problems/{name}`, which is an address that every process answers with what is
/// said here. The article *Problems* lists the same.
enum ProblemKind: String, CaseIterable, Sendable {
  case invalidRequest = "invalid-request"
  case invalidJSON = "invalid-json"
  case unauthorized
  case forbidden
  case otherOrigin = "other-origin"
  case notFound = "not-found"
  case methodNotAllowed = "method-not-allowed"
  case tooSlow = "too-slow"
  case refused
  case conflict
  case streamTooLarge = "stream-too-large"
  case wrongStore = "wrong-store"
  case preconditionFailed = "precondition-failed"
  case bodyTooLarge = "body-too-large"
  case recordTooLarge = "record-too-large"
  case notJSON = "not-json"
  case invalidMember = "invalid-member"
  case invalid
  case keyReused = "key-reused"
  case unreadableEvent = "unreadable-event"
  case headerTooLarge = "header-too-large"
  case damaged
  case `internal` = "internal"
  case overloaded
  case stopping
  case notYet = "not-yet"
  case parked
  case readModelUnavailable = "read-model-unavailable"
  case storeUnavailable = "store-unavailable"
  case unavailable
  case storeFull = "store-full"

  /// Where its page is.
  var path: String { "/problems/\(rawValue)" }

  /// The status of its answers; a refusal may have another one.
  var status: Int { page.status }

  /// What it is, in a few words.
  var title: String { page.title }

  /// When it is answered, and what to do.
  var advice: String { page.advice }

  private var page: (status: Int, title: String, advice: String) {
    switch self {
    case .invalidRequest:
      (
        400, "The request can't be read",
        "A parameter or a header is missing or not what it has to be, or what came is not HTTP. `parameter` names which. "
          + "Correct it; `/openapi.json` has the form of each."
      )
    case .invalidJSON:
      (
        400, "The body is no JSON",
        "The body ends early, or is not JSON in another way; `detail` says where. Correct it."
      )
    case .unauthorized:
      (
        401, "A token is needed",
        "Send the header `Authorization: Bearer …` with a token that the process knows: its `--token-file` lists them."
      )
    case .forbidden:
      (
        403, "The token's role does not allow it",
        "`detail` names the role that is needed. Ask with a token that has it: `read`, `write` for commands, `administer` for removal."
      )
    case .otherOrigin:
      (
        403, "The request comes from a page of another origin",
        "A browser sent it for a page that is not this server's. Name the page's origin with `--allow-origin` if it is to give commands."
      )
    case .notFound:
      (
        404, "There is no such thing",
        "Neither a route nor an entity nor a row has that name. Right after a command, ask with its token: `?after=TOKEN`."
      )
    case .methodNotAllowed:
      (
        405, "The method can't be used here",
        "The header `Allow` lists the methods that can."
      )
    case .tooSlow:
      (
        408, "The body did not arrive in time",
        "Send the request again, all of it within the time that `detail` names."
      )
    case .refused:
      (
        409, "The request is refused",
        "The application's own rules refuse it. `code` tells programs why, and is the same for ever. The status may be another one. "
          + "The same request is refused again until what it is about has changed."
      )
    case .conflict:
      (
        409, "Somebody else was faster",
        "The entity has changed since it was read. Read it again, decide anew, and repeat."
      )
    case .streamTooLarge:
      (
        409, "The entity has too many events",
        "One entity holds a bounded number and size of events, and takes no more. Begin another one."
      )
    case .wrongStore:
      (
        409, "This is another store",
        "The request names a store that is not the one that is served here. Ask the writer of that store."
      )
    case .preconditionFailed:
      (
        412, "The entity is not at the expected version",
        "`If-Match` or `If-None-Match` does not hold. `actualVersion` is where the entity stands, `expectedVersion` where the request expected it. "
          + "Read it again, decide anew, and repeat."
      )
    case .bodyTooLarge:
      (
        413, "The body is too large",
        "Send less at a time; `detail` has the limit."
      )
    case .recordTooLarge:
      (
        413, "An event would be larger than the topic takes",
        "Say it with less, or have the topic take more: its `max.message.bytes`."
      )
    case .notJSON:
      (
        415, "The body is not said to be JSON",
        "Send it with `Content-Type: application/json`."
      )
    case .invalidMember:
      (
        422, "A member of the body is missing or not what it has to be",
        "`member` is the way to it, `commands[0].deposit.cents` for example. Correct it; `/openapi.json` has the form of the body."
      )
    case .invalid:
      (
        422, "The request can't be carried out, now or later",
        "An id, a token, a cursor or an event is none that there can be. `detail` says what it has to be."
      )
    case .keyReused:
      (
        422, "The idempotency key came with another request before",
        "A key names one request to an entity. Send the same one again, or this one with a key of its own."
      )
    case .unreadableEvent:
      (
        422, "An event would not be read as it was written",
        "The application's codec does not decode what it encodes. Nothing was stored. It is a mistake in the application's code."
      )
    case .headerTooLarge:
      (
        431, "The request's header is too large",
        "Send fewer or shorter headers, or a shorter path: 80 KiB together at most."
      )
    case .damaged:
      (
        500, "An event in the store can't be used",
        "An event that is stored can't be decoded or applied by this version of the application. See *Events that change their form* for events of earlier forms, "
          + "and *When something fails* for damage."
      )
    case .internal:
      (
        500, "Something failed that should not",
        "The process's log has the error, under the request's id. It is a mistake in the code."
      )
    case .overloaded:
      (
        503, "Too much at once",
        "Nothing was done. Try again after the time that `Retry-After` says."
      )
    case .stopping:
      (
        503, "The process is stopping",
        "Try again after the time that `Retry-After` says: another process, or the same one, will answer."
      )
    case .notYet:
      (
        503, "The read model has not got there yet",
        "The command that the token is of has not had its effect within the time. Ask again, or wait for longer with `wait`."
      )
    case .parked:
      (
        503, "The event is parked",
        "The read model could not apply the event that the token is of. An operator sees it with `parked`, and has it applied again."
      )
    case .readModelUnavailable:
      (
        503, "The read model can't be read",
        "No worker has made it yet, a query took too long, or its database can't be read. Try again; `detail` has the reason, and `/readyz` of its worker."
      )
    case .storeUnavailable:
      (
        503, "The store can't be used",
        "A command may or may not have had its effect: send it again with its `Idempotency-Key`, or read the entity first. `/readyz` of the writer has the reason."
      )
    case .unavailable:
      (
        503, "What is asked for can't be had at the moment",
        "Try again after the time that `Retry-After` says."
      )
    case .storeFull:
      (
        507, "No space is left where the store is",
        "Nothing was stored, and all that was stored is safe. An operator makes space; then the same request can be sent again."
      )
    }
  }
}

extension ProblemKind {
  /// The kind of an answer of which only the status is known.
  init(status: Int) {
    self =
      switch status {
      case 400: .invalidRequest
      case 401: .unauthorized
      case 404: .notFound
      case 405: .methodNotAllowed
      case 408: .tooSlow
      case 413: .bodyTooLarge
      case 415: .notJSON
      case 422: .invalid
      case 431: .headerTooLarge
      case ..<500: .refused
      case 503: .unavailable
      case 507: .storeFull
      default: .internal
      }
  }

  /// All that is said of it, as text.
  fileprivate var text: String { "\(rawValue): \(title)\n\nStatus \(status). \(advice)\n" }
}

extension API.Operation {
  /// The pages of the kinds of problems.
  static let problemPages: [API.Operation] = [
    text("/problems", "The kinds of problems that answers tell of", []) { _ in
      ProblemKind.allCases.map(\.text).joined(separator: "\n")
    },
    text(
      "/problems/{kind}", "A kind of problem: when it is answered, and what to do",
      [.path("kind", "Its name", .string(values: ProblemKind.allCases.map(\.rawValue)))]
    ) { request in
      let name = try request.path("kind")
      guard let kind = ProblemKind(rawValue: name) else {
        throw RequestError(
          kind: .notFound, "there is no kind of problem '\(name.prefix(80))': /problems lists them")
      }
      return kind.text
    },
  ]

  private static func text(
    _ path: String, _ summary: String, _ parameters: [API.Parameter],
    _ make: @escaping @Sendable (APIRequest) throws -> String
  ) -> API.Operation {
    let example = API.Example(stringLiteral: ProblemKind.conflict.text)
    var answers = [
      API.Response(200, "The text", contentType: "text/plain", .string()).example(example)
    ]
    if !parameters.isEmpty { answers.append(API.Response(404, "There is no such kind")) }
    var operation = API.Operation(
      .get, path, summary, role: .anyone, parameters: parameters, answers: answers
    ) { request in
      let text = try make(request)
      var response = JSONResponse { $0.raw(text.utf8) }
      response.contentType = "text/plain; charset=utf-8"
      return response
    }
    operation.description =
      "What `type` of an answer with problem details refers to. The names are for ever; `code` tells an application's own reasons apart."
    return operation
  }
}
