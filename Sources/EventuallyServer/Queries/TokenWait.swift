import Digests
public import Eventually
import HTTPTypes
import Hummingbird
import ServiceLifecycle

extension ConsistencyToken {
  /// Of answers to commands, and of queries.
  static let header = HTTPField.Name("eventually-token")
  /// A query waits for at most this long.
  static let longestWait = Duration.seconds(30)
}

extension JSONResponse {
  /// The answer with the token in a header too.
  func carrying(_ token: ConsistencyToken?) -> JSONResponse {
    guard let token, let name = ConsistencyToken.header else { return self }
    var response = self
    response.headers[name] = token.description
    return response
  }
}

extension JSONResponse {
  /// The answer with the tag of an entity at a version, in the header `ETag`; one that is not there, at version 0, has none.
  public func tagged(_ version: Version) -> JSONResponse {
    var response = self
    if version > 0 { response.headers[.eTag] = EntityTag(version: version).description }
    return response
  }

  /// The answer with a tag that follows from what it says, where all of that is there.
  func taggedByContent() -> JSONResponse {
    guard status == .ok, headers[.eTag] == nil, let bytes = wholeBytes else { return self }
    var parts = [bytes]
    // The page after this one is a part of the answer.
    if let link = HTTPField.Name("Link").flatMap({ headers[$0] }) { parts.append(Array(link.utf8)) }
    var response = self
    response.headers[.eTag] = EntityTag(contentOf: parts).description
    return response
  }
}

extension EntityTag {
  /// A tag that follows from what is told.
  init(contentOf parts: [[UInt8]]) {
    var hash = SHA256()
    for part in parts { hash.update(data: part) }
    // Of the digest's 256 bits, 128 tell answers apart.
    let digits = hash.finalize().prefix(16).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    self.init(digits.joined())
  }
}

extension APIRequest {
  /// The token that a query comes with, in a parameter or a header.
  /// - Throws: an answer 400 where it is none.
  func consistencyToken() throws -> ConsistencyToken? {
    let header = ConsistencyToken.header.flatMap { headers[$0] }
    let sent = try header.flatMap { try $0.isEmpty ? nil : token($0, of: "eventually-token") }
    guard let text = try parameter("after") else { return sent }
    return try token(text, of: "after")
  }

  private func token(_ text: String, of parameter: String) throws -> ConsistencyToken {
    guard let token = ConsistencyToken(text) else {
      throw RequestError(
        kind: .invalidRequest, "'\(text.prefix(40))' is not a token: a command's answer has one",
        parameter: parameter)
    }
    return token
  }
}

extension ConsistencyToken {
  /// Waits until a read model has applied what the token stands for.
  ///
  /// - Parameter open: opens the live generation; another one may become that while this waits.
  /// - Returns: the generation that has applied it.
  /// - Throws: an answer 503: with the position that was reached where that takes too long, and at once where the process
  ///   stops.
  func wait(
    atMost limit: Duration, _ open: () async throws -> any ReadModelSource
  ) async throws -> any ReadModelSource {
    let deadline = ContinuousClock.now + limit
    while true {
      if Task.isShuttingDownGracefully { throw RequestError.stopping }
      let reader = try await open()
      guard partition < reader.partitionCount else {
        throw RequestError(
          kind: .invalid, "the token '\(self)' names a partition that the store does not have",
          parameter: "after")
      }
      let slice = max(.zero, min(deadline - .now, .milliseconds(100)))
      let reached = try await reader.wait(for: offset, in: partition, atMost: slice) ?? 0
      if reached >= offset {
        guard try await !reader.isUnapplied(offset, in: partition) else {
          throw RequestError(
            kind: .parked,
            "the event of the token '\(self)' is parked in this read model, with the others of its stream, or was given up"
          )
        }
        return reader
      }
      guard ContinuousClock.now < deadline else {
        throw RequestError(
          kind: .notYet,
          "the read model has applied partition \(partition) up to \(reached), not yet "
            + "\(offset): ask again")
      }
    }
  }
}
