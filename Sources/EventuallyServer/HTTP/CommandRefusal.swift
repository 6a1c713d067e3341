public import HTTPTypes

/// An aggregate's error that says itself how HTTP answers it.
///
/// Any other error of an aggregate is answered 409 with a code made of the name of its case: `notCovered` is `not-covered`.
public protocol CommandRefusal: Error, CustomStringConvertible {
  /// The status of the answer: `.notFound`, `.conflict` or `.unprocessableContent` for example.
  var status: HTTPResponse.Status { get }
  /// What tells programs one reason from another, the same for ever.
  var code: String { get }
}

/// A command that an aggregate has refused.
struct CommandRefused: Error, CustomStringConvertible {
  var cause: any Error

  var description: String { Self.message(cause) }

  var response: JSONResponse {
    if let refusal = cause as? any CommandRefusal {
      return .failure(refusal.status, code: refusal.code, refusal.description)
    }
    return .failure(.conflict, code: Self.code(of: cause), Self.message(cause))
  }

  /// The name of the error's case, or of its type, in words with hyphens.
  static func code(of error: any Error) -> String {
    words(name(error)).joined(separator: "-")
  }

  private static func message(_ error: any Error) -> String {
    if let error = error as Any as? any CustomStringConvertible { return error.description }
    return "the command is refused: \(words(name(error)).joined(separator: " "))"
  }

  private static func name(_ error: any Error) -> String {
    let mirror = Mirror(reflecting: error)
    guard mirror.displayStyle == .enum else { return "\(type(of: error))" }
    return mirror.children.first?.label ?? "\(error)"
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
