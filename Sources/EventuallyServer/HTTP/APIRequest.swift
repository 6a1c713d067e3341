import Eventually
import Foundation
public import HTTPTypes
import Hummingbird
import NIOCore

/// A request, as a handler sees it: all of it is there.
public struct APIRequest: Sendable {
  /// The method.
  public var method: HTTPRequest.Method
  /// The path and the query, as they were sent.
  public var target: String
  /// The headers.
  public var headers: HTTPFields
  /// The whole body.
  public var body: [UInt8]
  /// What the request is called in its answer and in logs: the header `X-Request-Id`, or else one that was made for it.
  public var id: String { requestID.description }
  private let requestID: RequestID
  /// What stands for the parts of the path that are in braces, as it was sent.
  var pathParameters: [String: String]
  /// Who asks; the console's routes know.
  var asker = Asker()
  /// The parameters of the query.
  let query: String?

  /// A request without a server, for tests and for queries on a command line.
  public init(
    _ method: HTTPRequest.Method = .get, _ target: String, headers: HTTPFields = [:],
    body: [UInt8] = []
  ) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
    requestID = RequestID(headers)
    pathParameters = [:]
    query = target.firstIndex(of: "?").map { String(target[target.index(after: $0)...]) }
  }

  /// The path without the query.
  var pathOnly: Substring { target.prefix { $0 != "?" } }

  /// A part of the path, as it is meant: `%20` is a space.
  /// - Throws: an answer 400 where it is not percent-encoded UTF-8; 500 where the route's path has no such part.
  public func path(_ name: String) throws -> String {
    guard let part = pathParameters[name] else {
      throw RequestError(.internalServerError, "the route's path has no part '{\(name)}'")
    }
    guard let text = PercentEncoding.decode(part) else {
      throw RequestError(
        kind: .invalidRequest, "the path's '\(name)' is not percent-encoded UTF-8", parameter: name)
    }
    return text
  }

  /// A parameter of the query; `nil` where there is none.
  /// - Throws: an answer 400 where it is not percent-encoded UTF-8, is there twice, or has a character U+0000.
  public func parameter(_ name: String) throws -> String? {
    guard let query else { return nil }
    let value: String?
    do {
      value = try QueryParameters.value(of: name, in: query)
    } catch .repeated {
      throw RequestError(
        kind: .invalidRequest, "the parameter '\(name)' is there more than once", parameter: name)
    } catch .encoding {
      throw RequestError(
        kind: .invalidRequest, "the parameter '\(name)' is not percent-encoded UTF-8",
        parameter: name)
    }
    // Nothing that is asked for has it, and PostgreSQL takes no text with it.
    guard value?.utf8.contains(0) != true else {
      throw RequestError(
        kind: .invalidRequest, "the parameter '\(name)' has a character U+0000", parameter: name)
    }
    return value
  }

  /// A parameter of the query that is a number.
  /// - Parameters:
  ///   - name: the parameter's name.
  ///   - value: what is taken where it is left out; without it, the parameter is required.
  ///   - range: what is allowed.
  /// - Throws: an answer 400 where it is not a number of the range.
  public func number(
    _ name: String, default value: UInt64? = nil, in range: ClosedRange<UInt64> = 0...(1 << 62)
  ) throws -> UInt64 {
    guard let text = try parameter(name) else {
      if let value { return value }
      throw RequestError(
        kind: .invalidRequest, "the parameter '\(name)' is missing", parameter: name)
    }
    guard let number = UInt64(text), range.contains(number) else {
      throw RequestError(
        kind: .invalidRequest,
        "the parameter '\(name)' must be a number from \(range.lowerBound) to "
          + "\(range.upperBound)", parameter: name)
    }
    return number
  }

  /// How many rows are asked for, from 1 to 1000, by the parameter ``API/Parameter/limit``.
  /// - Parameter value: what is taken where it is left out.
  public func limit(default value: Int = 20) throws -> Int {
    Int(try number("limit", default: UInt64(max(1, value)), in: 1...1000))
  }

  /// The body, decoded from JSON.
  /// - Throws: an answer 400 where it is not JSON, and 422 where a member is missing or not what it has to be.
  public func decode<Body: Decodable>(_ type: Body.Type) throws -> Body {
    try JSONBody.decode(type, body, Schema.shape(of: type).value)
  }
}

/// Bodies of requests, by their `Decodable` types.
enum JSONBody {
  /// - Parameters:
  ///   - shape: the type's.
  ///   - path: what leads to the value; empty for the whole body.
  static func decode<Body: Decodable>(
    _ type: Body.Type, _ bytes: [UInt8], _ shape: Shape, at path: String = ""
  ) throws -> Body {
    // A precise message where it is no JSON at all, or not what the type is made of.
    var reader = JSONReader(bytes.span)
    let value = reader.slice(try reader.skip())
    try reader.finish()
    try BodyCheck.check(value, shape, at: path)
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    do {
      return try decoder.decode(type, from: Data(JSONNumber.withWholeNumbersWrittenOut(bytes)))
    } catch let error as DecodingError {
      throw invalid(error, path)
    }
  }

  /// What the type's own code refuses.
  private static func invalid(_ error: DecodingError, _ path: String) -> InvalidMember {
    let context: DecodingError.Context
    var keys: [any CodingKey] = []
    switch error {
    case .keyNotFound(let key, let found): (context, keys) = (found, [key])
    case .valueNotFound(_, let found), .typeMismatch(_, let found), .dataCorrupted(let found):
      context = found
    @unknown default: return InvalidMember(path.isEmpty ? "body" : path, "can't be read: \(error)")
    }
    var name = path
    for key in context.codingPath + keys {
      if let index = key.intValue {
        name += "[\(index)]"
      } else {
        name += (name.isEmpty ? "" : ".") + key.stringValue.excerpt
      }
    }
    return InvalidMember(
      name.isEmpty ? "body" : name,
      "is not what it has to be: \(context.debugDescription.excerpt(400))")
  }
}

extension APIRequest {
  /// A request that came over HTTP.
  /// - Parameter takesBody: whether it has a body, received as a whole.
  init(
    _ request: Request, for operation: API.Operation, takesBody: Bool = false,
    asker: Asker = Asker()
  ) async throws {
    self.asker = asker
    method = request.method
    target = request.uri.string
    headers = request.headers
    requestID = RequestID(headers)
    query = request.uri.query
    pathParameters = operation.match(request.uri.path.split(separator: "/")) ?? [:]
    body = takesBody ? try await request.wholeBody() : []
  }
}
