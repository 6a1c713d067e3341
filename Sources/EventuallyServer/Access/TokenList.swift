import Digests
import Foundation

/// The tokens that an interface takes.
struct TokenList: Sendable {
  var tokens: [BearerToken]

  /// Whose token a text is; `nil` where it is nobody's. It is compared with all of them, so that the time tells nothing of which.
  func holder(of candidate: some StringProtocol) -> BearerToken? {
    let digest = SHA256.hash(data: Data(candidate.utf8))
    return tokens.reduce(nil) { found, token in
      token.isSameSecret(as: digest) ? token : found
    }
  }

  /// Whether a token still may do what a role may.
  func holds(_ token: BearerToken, as role: AccessRole) -> Bool {
    tokens.contains { $0.isSameSecret(as: token) && $0.role >= role }
  }
}

extension TokenList {
  /// Reads a file of tokens: a line each, `NAME ROLE TOKEN`, with empty lines and comments in lines of their own that begin with `#`; or one
  /// token alone, which may do everything.
  /// - Throws: ``Failure`` that names the line and never what may be a token.
  init(file path: String) throws(Failure) {
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      // Foundation says of a device, and of a pipe, that one may not read it.
      let reason =
        FileStamp(path: path)?.isRegular == false
        ? "it is not a regular file" : error.localizedDescription
      throw Failure("the token file \(path) can't be read: \(reason)")
    }
    try self.init(text, path: path)
  }

  init(_ text: String, path: String) throws(Failure) {
    var lines: [(number: Int, words: [Substring])] = []
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      let words = line.split(whereSeparator: \.isWhitespace)
      if let first = words.first, first.first != "#" { lines.append((index + 1, words)) }
    }
    guard !lines.isEmpty else { throw Failure("the token file \(path) holds no token") }
    if lines.count == 1, lines[0].words.count == 1 {
      tokens = [
        try Self.token(lines[0].words[0], "\(path):\(lines[0].number)", nil, .administer)
      ]
      return
    }
    tokens = []
    var places: [String: Int] = [:]
    for (number, words) in lines {
      let token = try Self.named(words, "\(path):\(number)")
      if let earlier = places.updateValue(number, forKey: token.name ?? "") {
        throw Failure(
          "\(path):\(number): line \(earlier) has a token of that name: give each its own")
      }
      if let same = tokens.firstIndex(where: { $0.isSameSecret(as: token) }) {
        throw Failure("\(path):\(number): line \(lines[same].number) has the same token")
      }
      tokens.append(token)
    }
  }

  private static func named(
    _ words: [Substring], _ place: String
  ) throws(Failure) -> BearerToken {
    guard words.count == 3 else {
      throw Failure("\(place): a line is NAME ROLE TOKEN, and this one has \(words.count) words")
    }
    let name = String(words[0])
    let isName =
      (1...64).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        byte.isASCIIAlphanumeric || "._@-".utf8.contains(byte)
      }
    guard isName else {
      throw Failure("\(place): a name is 1 to 64 letters, digits, '.', '_', '@' and '-'")
    }
    guard let role = AccessRole.ofTokens.first(where: { $0.rawValue == words[1] }) else {
      // What stands there may be a token in the wrong place, and is not repeated.
      throw Failure("\(place): the second word is none of the roles \(roles)\(hint(words[1]))")
    }
    return try token(words[2], place, name, role)
  }

  private static func token(
    _ text: Substring, _ place: String, _ name: String?, _ role: AccessRole
  ) throws(Failure) -> BearerToken {
    do {
      return try BearerToken(String(text), from: place, name: name, role: role)
    } catch let error as Failure {
      throw error
    } catch {
      throw Failure("\(place): \(error)")
    }
  }

  private static let roles = AccessRole.ofTokens.map(\.rawValue).joined(separator: ", ")

  /// The role that a word seems to mean: no two begin alike.
  private static func hint(_ word: Substring) -> String {
    let first = word.first?.lowercased()
    let meant = AccessRole.ofTokens.first { $0.rawValue.first?.lowercased() == first }
    return meant.map { ": did you mean '\($0.rawValue)'?" } ?? ""
  }
}

extension UInt8 {
  fileprivate var isASCIIAlphanumeric: Bool {
    switch self {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: false
    }
  }
}
