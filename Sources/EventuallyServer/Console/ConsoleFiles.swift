import Digests
import Eventually
import HTTPTypes

/// The files of the console's pages.
enum ConsoleFiles {
  struct File: Sendable {
    var bytes: [UInt8]
    var type: String
    var tag: EntityTag

    init(_ bytes: [UInt8], name: some StringProtocol) {
      self.bytes = bytes
      type = ConsoleFiles.type(of: name)
      tag = EntityTag(contentOf: [bytes])
    }

    var response: JSONResponse {
      var response = JSONResponse(withBytes: bytes)
      response.contentType = type
      response.headers[.eTag] = tag.description
      return response
    }
  }

  /// By path.
  static let all: [String: File] = Dictionary(
    uniqueKeysWithValues: resources.map { path, text in
      (path, File(text.withUTF8Buffer { Array($0) }, name: path))
    })

  /// The media type of a file, by its name.
  static func type(of name: some StringProtocol) -> String {
    switch name.split(separator: ".").last {
    case "html": "text/html; charset=utf-8"
    case "js": "text/javascript; charset=utf-8"
    case "css": "text/css; charset=utf-8"
    case "svg": "image/svg+xml"
    case "png": "image/png"
    case "json": "application/json"
    case "woff2": "font/woff2"
    default: "application/octet-stream"
    }
  }
}

extension Console {
  func addFiles(to api: inout API) {
    func add(_ path: String, _ handler: @escaping API.Handler) {
      api.add(API.Operation(.get, path, "", role: .anyone, answers: [], handler: handler))
    }
    add("/console") { request in
      // The addresses within the page are relative.
      guard request.pathOnly.hasSuffix("/") else {
        var response = JSONResponse(.permanentRedirect) { $0.null() }
        response.headers[.location] = "console/"
        return response
      }
      return try Self.file("index.html")
    }
    add("/console/{name}") { try Self.file($0.path("name")) }
    add("/console/{folder}/{name}") { request in
      try Self.file("\(request.path("folder"))/\(request.path("name"))")
    }
  }

  private static func file(_ path: String) throws -> JSONResponse {
    guard let file = ConsoleFiles.all[path] else {
      throw RequestError(kind: .notFound, "the console has no file '\(path.excerpt)'")
    }
    return file.response
  }
}
