public import HTTPTypes

/// Why a request is not carried out; a handler throws it.
public struct RequestError: Error, Sendable, CustomStringConvertible {
  /// The status of the answer.
  public var status: HTTPResponse.Status
  /// What tells programs one reason from another; by default it follows from the status.
  public var code: String?
  /// What is wrong, and what to do.
  public var message: String
  /// Further headers of the answer.
  public var headers: HTTPFields

  /// A refusal.
  public init(
    _ status: HTTPResponse.Status, code: String? = nil, _ message: String,
    headers: HTTPFields = [:]
  ) {
    self.status = status
    self.code = code
    self.message = message
    self.headers = headers
  }

  /// The message.
  public var description: String { message }
}

/// Too much at once: the same request is worth trying again after a second.
struct Overloaded: Error, CustomStringConvertible {
  var description: String

  init(_ what: String) {
    description = "\(what): try again in a moment"
  }
}
