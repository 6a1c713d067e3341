import ArgumentParser
import Crypto
import Foundation
import HTTPTypes
import Hummingbird

/// A secret that requests carry in their header `Authorization: Bearer …`.
struct BearerToken: Sendable {
  let text: String
  private let digest: SHA256.Digest

  /// - Throws: ``Failure`` where the text is no token: 16 to 512 printable characters without spaces.
  init(_ text: String, from place: String) throws {
    guard (16...512).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else {
      throw Failure("\(place) holds no token: 16 to 512 printable ASCII characters without spaces")
    }
    self.text = text
    digest = SHA256.hash(data: Data(text.utf8))
  }

  /// Whether a text is the token. How long that takes tells nothing of where they differ: it is digests that are
  /// compared, and those in constant time.
  func matches(_ candidate: Substring) -> Bool {
    SHA256.hash(data: Data(candidate.utf8)) == digest
  }

  /// - Throws: an answer 401 where the request does not carry the token.
  func check(_ request: Request) throws {
    // The scheme's case does not matter, and more than one space may follow it.
    let parts = (request.headers[.authorization] ?? "").split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer",
      matches(parts[1].drop { $0 == " " })
    else {
      throw HTTPError(
        .unauthorized, headers: [.wwwAuthenticate: "Bearer"],
        message: "the header 'Authorization: Bearer …' is missing or does not hold the token")
    }
  }
}

/// Where the token comes from.
struct TokenOptions: ParsableArguments {
  static let variable = "EVENTUALLY_TOKEN"

  @Option(
    help: ArgumentHelp(
      "A file that holds the writer's bearer token: 16 characters or more.",
      discussion: """
        The environment variable EVENTUALLY_TOKEN may hold the token itself instead; set and empty, it is \
        an error.
        """,
      valueName: "file"))
  var tokenFile: String?

  /// The token, `nil` where there is none.
  func token() throws -> BearerToken? {
    if let tokenFile {
      let text: String
      do {
        text = try String(contentsOfFile: tokenFile, encoding: .utf8)
      } catch {
        throw Failure("the token file \(tokenFile) can't be read: \(error.localizedDescription)")
      }
      return try BearerToken(
        text.trimmingCharacters(in: .whitespacesAndNewlines), from: tokenFile)
    }
    guard let text = ProcessInfo.processInfo.environment[Self.variable] else { return nil }
    return try BearerToken(text, from: Self.variable)
  }
}
