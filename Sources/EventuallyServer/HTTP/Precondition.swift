public import Eventually
import HTTPTypes

/// What a request expects of the state that it is about: `If-Match` and `If-None-Match`.
struct Precondition: Sendable, Hashable {
  private let match: EntityTags?
  private let noneMatch: EntityTags?

  /// - Throws: an answer 400 where a header is neither `*` nor a list of tags.
  init(_ headers: HTTPFields) throws {
    match = try Self.tags(.ifMatch, headers)
    noneMatch = try Self.tags(.ifNoneMatch, headers)
  }

  private static func tags(
    _ name: HTTPField.Name, _ headers: HTTPFields
  ) throws -> EntityTags? {
    guard let text = headers[name] else { return nil }
    guard let tags = EntityTags(text) else {
      throw RequestError(
        kind: .invalidRequest,
        "the header '\(name.rawName)' must be * or tags in quotes, separated by commas: \"3\"",
        parameter: name.canonicalName)
    }
    return tags
  }

  /// Whether any state will do.
  var isEmpty: Bool { match == nil && noneMatch == nil }

  /// The only version that an entity may be at; `nil` where several will do, or none.
  var onlyVersion: Version? {
    switch (match, noneMatch) {
    case (.these(let tags), nil) where tags.count == 1:
      // An entity at version 0 is not there, and has no tag.
      tags[0].version.flatMap { $0 > 0 ? $0 : nil }
    case (nil, .any): 0
    default: nil
    }
  }

  /// Holds an entity's version against what a command expects.
  /// - Throws: an answer 412 with both versions.
  func check(_ version: Version) throws {
    let tag = EntityTag(version: version)
    let exists = version > 0
    let matches =
      switch match {
      case nil: true
      case .any: exists
      case .these(let tags): exists && tags.contains { $0.matchesStrongly(tag) }
      }
    let differs =
      switch noneMatch {
      case nil: true
      case .any: !exists
      case .these(let tags): !exists || !tags.contains { $0.matchesWeakly(tag) }
      }
    if !matches || !differs { throw failure(actual: version) }
  }

  /// The answer 412 of an entity that is at another version.
  func failure(actual: Version) -> RequestError {
    let place = actual == 0 ? "not there" : "at version \(actual)"
    var failure = RequestError(
      kind: .preconditionFailed,
      "the entity is \(place), not as the request expects it: read it again, decide anew, and repeat"
    )
    failure.expectedVersion = onlyVersion
    failure.actualVersion = actual
    return failure
  }

  /// What becomes of the answer to a read.
  enum Reading: Sendable, Hashable {
    case answer
    /// 304: the asker has it.
    case notModified
    /// 412
    case failed
  }

  func reading(_ tag: EntityTag) -> Reading {
    switch match {
    case .these(let tags) where !tags.contains { $0.matchesStrongly(tag) }: return .failed
    default: break
    }
    switch noneMatch {
    case nil: return .answer
    case .any: return .notModified
    case .these(let tags): return tags.contains { $0.matchesWeakly(tag) } ? .notModified : .answer
    }
  }
}

extension RequestError {
  /// A read is for another state than there is.
  static func preconditionFailed(at tag: EntityTag) -> RequestError {
    RequestError(
      kind: .preconditionFailed, "what is asked for is at \(tag) now", parameter: "if-match")
  }
}

extension APIRequest {
  /// The answer as the request's conditions have it: 304 where the asker has that state already.
  func conditional(_ response: JSONResponse) throws -> JSONResponse {
    guard method == .get || method == .head, response.status == .ok,
      let text = response.headers[.eTag], case .these(let tags)? = EntityTags(text),
      let tag = tags.first
    else { return response }
    let precondition = try Precondition(headers)
    switch precondition.reading(tag) {
    case .answer: return response
    case .failed:
      throw RequestError.preconditionFailed(at: tag)
    case .notModified:
      var same = JSONResponse(withoutBody: .notModified)
      same.headers = response.headers
      return same
    }
  }

  /// Holds an entity's version against what the request expects by `If-Match` and `If-None-Match`: for commands by hand, which then append at
  /// that version.
  /// - Parameter version: the entity's, 0 where it is not there.
  /// - Throws: an answer 412 with the versions where it is not as expected, 400 where a header can't be read.
  public func checkConditions(at version: Version) throws {
    try Precondition(headers).check(version)
  }

  /// Whether the answer may do without a body: `Prefer: return=minimal` (RFC 7240).
  var prefersMinimal: Bool { Preferences(headers).value(of: "return") == "minimal" }
}

/// What `Prefer` holds, as far as it can be read.
struct Preferences: Sendable {
  private let values: [(name: String, value: String)]

  init(_ headers: HTTPFields) {
    let text = HTTPField.Name("prefer").flatMap { headers[$0] } ?? ""
    values = Self.split(text, at: ",").compactMap { preference in
      // What comes after a semicolon are parameters of the preference.
      guard let first = Self.split(preference, at: ";").first else { return nil }
      let parts = first.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        .map { $0.trimming(while: { $0 == " " || $0 == "\t" }) }
      guard !parts[0].isEmpty else { return nil }
      let value = parts.count == 2 ? parts[1].trimming(while: { $0 == "\"" }) : ""
      return (parts[0].lowercased(), value.lowercased())
    }
  }

  /// The value of a preference, the first where it is there twice.
  func value(of name: String) -> String? { values.first { $0.name == name }?.value }

  /// The parts between separators that are not in quotes.
  private static func split(_ text: some StringProtocol, at separator: Character) -> [String] {
    var parts = [""]
    var isQuoted = false
    for character in text {
      if character == "\"" { isQuoted.toggle() }
      if character == separator, !isQuoted {
        parts.append("")
      } else {
        parts[parts.count - 1].append(character)
      }
    }
    return parts
  }
}

extension Substring {
  /// Without what is at either end.
  func trimming(while isTrimmed: (Character) -> Bool) -> Substring {
    var text = drop(while: isTrimmed)
    while let last = text.last, isTrimmed(last) { text.removeLast() }
    return text
  }
}
