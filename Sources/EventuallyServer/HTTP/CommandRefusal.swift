public import HTTPTypes

/// A status of HTTP: `.ok`, `.notFound`, `.conflict`, `.unprocessableContent`.
public typealias HTTPStatus = HTTPResponse.Status

/// An aggregate's error that says itself how HTTP answers it, as far as the defaults do not fit. They are those of any other error
/// of an aggregate.
public protocol CommandRefusal: Error {
  /// The status of the answer: `.notFound`, `.conflict` or `.unprocessableContent` for example; 409 by default.
  var status: HTTPStatus { get }
  /// What tells programs one reason from another, the same for ever; by default the name of the case: `notCovered` is `not-covered`.
  var code: String { get }
  /// What is wrong; by default the error's description where it has one, else the name of the case in words.
  var message: String { get }
}

extension CommandRefusal {
  /// 409.
  public var status: HTTPStatus { .conflict }
  /// The name of the case.
  public var code: String { CommandRefused.code(of: self) }
  /// The error's description, or the name of its case.
  public var message: String { CommandRefused.message(self) }
}

/// A command that an aggregate has refused.
struct CommandRefused: Error, CustomStringConvertible {
  var cause: any Error
  /// Which of several it is: `commands[1]`; empty where there is one.
  var place = ""

  var description: String { located(Self.message(cause)) }

  var requestError: RequestError {
    if let refusal = cause as? any CommandRefusal {
      return RequestError(refusal.status, code: refusal.code, located(refusal.message))
    }
    return RequestError(.conflict, code: Self.code(of: cause), description)
  }

  private func located(_ message: String) -> String {
    place.isEmpty ? message : "\(place): \(message)"
  }

  /// The name of the error's case, or of its type, in words with hyphens.
  static func code(of error: any Error) -> String {
    words(name(error)).joined(separator: "-")
  }

  static func message(_ error: any Error) -> String {
    if let error = error as Any as? any CustomStringConvertible { return error.description }
    return "the command is refused: \(words(name(error)).joined(separator: " "))"
  }

  private static func name(_ error: some Error) -> String {
    guard Mirror(reflecting: error).displayStyle == .enum, let name = enumCaseName(error) else {
      return "\(type(of: error))"
    }
    return String(cString: name)
  }

  static func words(_ name: String) -> [String] {
    var words: [String] = []
    var last: Character?
    for character in name {
      if words.isEmpty || (character.isUppercase && last?.isUppercase == false) { words.append("") }
      words[words.count - 1].append(contentsOf: character.lowercased())
      last = character
    }
    return words
  }
}

/// The name of an enumeration's case. Nothing else tells that of a case without values where the type describes itself: its description
/// is a sentence, which may change.
@_silgen_name("swift_EnumCaseName")
private func enumCaseName<Value>(_ value: Value) -> UnsafePointer<CChar>?
