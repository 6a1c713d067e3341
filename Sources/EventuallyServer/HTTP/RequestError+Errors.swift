import Eventually
import HTTPTypes
import Hummingbird
import NIOHTTP1

extension RequestError {
  /// What an error of any type is answered as.
  init(_ error: any Error) {
    self =
      switch error {
      case let error as RequestError: error
      case let error as CommandRefused: error.requestError
      case let error as any CommandRefusal: CommandRefused(cause: error).requestError
      case let error as RepositoryError: RequestError(error)
      case let error as EventStoreError: RequestError(error)
      case let error as JSONError:
        RequestError(kind: .invalidJSON, "the body is not the JSON expected: \(error)")
      case let error as InvalidMember: RequestError(error)
      case let error as ReadModelError:
        RequestError(kind: .readModelUnavailable, error.description)
      case let error as any DatabaseError:
        RequestError(kind: .readModelUnavailable, error.description)
      case let error as HTTPError: RequestError(error)
      case let error as HTTPParserError: RequestError(unreadable: error)
      case let error as Overloaded: RequestError(kind: .overloaded, error.description)
      default: RequestError(kind: .internal, "\(error)")
      }
  }

  /// What an error of an aggregate, or of a handler, is answered as.
  init(refusal error: any Error) {
    self = (error as? RequestError) ?? CommandRefused(cause: error).requestError
  }

  /// What is answered where what came can't even be read as a request.
  init(unreadable error: any Error) {
    if case .headerOverflow? = error as? HTTPParserError {
      self.init(kind: .headerTooLarge, "the request's header is too large: 80 KiB at most")
    } else {
      self.init(kind: .invalidRequest, "the request is not HTTP: \(error)")
    }
  }

  private init(_ error: HTTPError) {
    self.init(error.status, error.body ?? error.status.reasonPhrase, headers: error.headers)
  }

  private init(_ error: InvalidMember) {
    self.init(kind: .invalidMember, error.description)
    member = error.name
  }

  private init(_ error: RepositoryError) {
    switch error {
    case .store(let error): self.init(error)
    case .unappliable: self.init(kind: .damaged, error.description)
    }
  }

  private init(_ error: EventStoreError) {
    let kind: ProblemKind =
      switch error {
      case .conflict: .conflict
      case .keyReused: .keyReused
      case .invalid: .invalid
      case .unreadable: .unreadableEvent
      case .streamTooLarge: .streamTooLarge
      case .recordTooLarge: .recordTooLarge
      case .full: .storeFull
      case .overloaded: .overloaded
      case .undecodable: .damaged
      case .unavailable: .storeUnavailable
      }
    self.init(kind: kind, error.description)
    if case .conflict(let conflict) = error {
      expectedVersion = conflict.expected
      actualVersion = conflict.actual
    }
  }
}
