import Eventually
import HTTPTypes
import Hummingbird

/// The console as a server has it: its routes, who may use them, and the headers of its answers.
struct ServedConsole: Sendable {
  let routes: RouteTable
  private let console: Console

  init(_ console: Console) {
    self.console = console
    routes = RouteTable(console.routes.operations)
  }

  /// Whether a path is the console's.
  static func has(_ path: String) -> Bool {
    path.hasPrefix("/console") && (path.utf8.count == 8 || path.hasPrefix("/console/"))
  }

  func admit(
    _ request: Request, _ operation: API.Operation, address: String
  ) throws(RequestError) -> (pass: AccessPass?, asker: Asker) {
    do throws(RequestError) {
      return try console.access.admit(
        request.headers, authority: request.head.authority, address: address,
        as: operation.role, changes: operation.changesSomething)
    } catch {
      if operation.role == .administer {
        console.audit.add(
          operation.summary,
          AuditLog.Note(
            target: request.uri.path, outcome: "refused: \(error)"),
          by: nil, address: address, request: RequestID(request.headers).description)
      }
      throw error
    }
  }

  /// Nothing that comes from outside is run, framed, or told to other sites.
  static func protect(_ response: inout Response) {
    for (name, value) in headers { response.headers[name] = value }
  }

  private static let headers: [(HTTPField.Name, String)] = [
    (
      .contentSecurityPolicy,
      "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'; "
        + "require-trusted-types-for 'script'; trusted-types 'none'"
    ), (.xContentTypeOptions, "nosniff"),
    (HTTPField.Name("Referrer-Policy"), "no-referrer"),
    (HTTPField.Name("Cross-Origin-Opener-Policy"), "same-origin"),
  ].compactMap { name, value in name.map { ($0, value) } }
}
