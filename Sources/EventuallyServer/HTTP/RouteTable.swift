import Eventually
import HTTPTypes

/// Finds the operation that a request asks for. Where the paths of several match, the most precise one decides:
/// `/orders/newest` goes before `/orders/{id}`.
struct RouteTable: Sendable {
  /// What can be asked at one path.
  struct Route: Sendable {
    /// The parts of the path; `nil` for a parameter.
    fileprivate let pattern: [Substring?]
    fileprivate var operations: [API.Operation]

    /// The path as it is written: `/orders/{id}`.
    func path(for method: HTTPRequest.Method) -> String {
      (operation(method) ?? operations[0]).path
    }

    fileprivate func operation(_ method: HTTPRequest.Method) -> API.Operation? {
      operations.first { $0.method == method }
        ?? (method == .head ? operations.first { $0.method == .get } : nil)
    }

    fileprivate func matches(_ parts: [Substring]) -> Bool {
      pattern.count == parts.count && zip(pattern, parts).allSatisfy { $0 == nil || $0 == $1 }
    }
  }

  /// The most precise ones first.
  private var routes: [Route] = []

  init(_ operations: [API.Operation]) {
    for operation in operations {
      let pattern = API.Operation.pattern(operation.path)
      if let index = routes.firstIndex(where: { $0.pattern == pattern }) {
        routes[index].operations.append(operation)
      } else {
        routes.append(Route(pattern: pattern, operations: [operation]))
      }
    }
    routes.sort { first, second in
      first.pattern.lazy.map { $0 == nil ? 1 : 0 }
        .lexicographicallyPrecedes(second.pattern.lazy.map { $0 == nil ? 1 : 0 })
    }
  }

  /// What can be asked at a path; `nil` where there is no such path.
  func route(at path: some StringProtocol) -> Route? {
    let parts = path.split(separator: "/").map { Substring($0) }
    return routes.first { $0.matches(parts) }
  }

  /// The operation that is asked for at a path.
  /// - Throws: an answer 404 where there is no route, and 405, which tells the methods, where it has no such method.
  static func operation(
    _ method: HTTPRequest.Method, of route: Route?, at path: some StringProtocol
  ) throws(RequestError) -> API.Operation {
    guard let route else {
      throw RequestError(
        kind: .notFound,
        "there is no '\(String(path).excerpt(200))' here: /openapi.json lists what there is")
    }
    if let operation = route.operation(method) { return operation }
    var methods = Set(route.operations.map(\.method.rawValue))
    if methods.contains("GET") { methods.insert("HEAD") }
    let list = methods.sorted().joined(separator: ", ")
    var refusal = RequestError(
      kind: .methodNotAllowed,
      "\(method.rawValue.prefix(40)) can't be done here: \(list) can")
    refusal.headers[.allow] = list
    throw refusal
  }
}
