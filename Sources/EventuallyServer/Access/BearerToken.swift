import Digests
import Foundation

/// A secret that requests carry in their header `Authorization: Bearer …`.
///
/// No description of it shows the secret.
public struct BearerToken: Sendable {
  /// What its holder is called in logs and in the metadata of events; `nil` where nobody said.
  public let name: String?
  /// What its holder may do.
  public let role: AccessRole
  package let text: String
  private let digest: SHA256.Digest

  /// A token.
  /// - Parameters:
  ///   - text: 16 to 512 printable ASCII characters without spaces.
  ///   - place: where it is from, for the error.
  ///   - name: what its holder is called.
  ///   - role: what its holder may do.
  /// - Throws: an error that names the place, and not the text.
  public init(
    _ text: String, from place: String, name: String? = nil, role: AccessRole = .administer
  ) throws {
    guard (16...512).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else {
      throw Failure("\(place) holds no token: 16 to 512 printable ASCII characters without spaces")
    }
    self.name = name
    self.role = role
    self.text = text
    digest = SHA256.hash(data: Data(text.utf8))
  }

  /// Whether two are the same secret. How long that takes tells nothing of where they differ: it is digests that are compared, and
  /// those in constant time.
  func isSameSecret(as digest: SHA256.Digest) -> Bool { self.digest == digest }

  func isSameSecret(as other: BearerToken) -> Bool { digest == other.digest }
}

extension BearerToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Name and role.
  public var description: String { "BearerToken(\(name ?? "unnamed"), \(role))" }

  /// The same.
  public var debugDescription: String { description }

  /// Name and role, without the secret.
  public var customMirror: Mirror {
    Mirror(self, children: ["name": name as Any, "role": role], displayStyle: .struct)
  }
}
