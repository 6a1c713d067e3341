import HTTPTypes

/// What the operations of an interface are called in the OpenAPI document: names of methods, each once.
struct OperationNames {
  private var names: [String: String] = [:]

  init(_ operations: [API.Operation]) {
    var taken: Set<String> = []
    for operation in operations {
      let words = operation.operationID.map { [$0] } ?? Self.words(operation)
      let plain = Self.identifier(words)
      var name = plain
      var number = 1
      while !taken.insert(name.lowercased()).inserted {
        number += 1
        name = "\(plain)\(number)"
      }
      names[Self.key(operation.method.rawValue, operation.path)] = name
    }
  }

  /// The name of the operation with a method and a path.
  func name(_ method: String, _ path: String) -> String? { names[Self.key(method, path)] }

  private static func key(_ method: String, _ path: String) -> String { "\(method) \(path)" }

  /// `GET /sales/{day}/orders` is `getSalesOrdersByDay`.
  private static func words(_ operation: API.Operation) -> [String] {
    let parts = operation.path.split(separator: "/").map(String.init)
    let parameters = parts.filter { $0.hasPrefix("{") }
    return [operation.method.rawValue.lowercased()] + parts.filter { !$0.hasPrefix("{") }
      + (parameters.isEmpty ? [] : ["by"]) + parameters
  }

  /// Words as one name in camel case.
  static func identifier(_ words: [String]) -> String {
    let parts = words.flatMap { word in
      word.split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    }
    return parts.enumerated().map { index, part in
      index == 0 ? String(part) : part.prefix(1).uppercased() + part.dropFirst()
    }.joined()
  }
}
