import Digests
import Foundation
import HTTPTypes
import Hummingbird

/// A secret that requests carry in their header `Authorization: Bearer …`.
public struct BearerToken: Sendable {
  package let text: String
  private let digest: SHA256.Digest

  /// A token.
  /// - Parameters:
  ///   - text: 16 to 512 printable ASCII characters without spaces.
  ///   - place: where it is from, for the error.
  public init(_ text: String, from place: String) throws {
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
      var refusal = RequestError(
        kind: .unauthorized,
        "the header 'Authorization: Bearer …' is missing or does not hold the token",
        parameter: "authorization")
      refusal.headers[.wwwAuthenticate] = "Bearer"
      throw refusal
    }
  }
}
