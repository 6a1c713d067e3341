import ArgumentParser
import Eventually
import EventuallyKafka
import EventuallyTesting
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyCommand
@testable import EventuallyServer

/// Files of keys and tokens that were truncated, or in which bits have changed: what is in them, or an error that names the file.
@Suite struct SecretFileTests {
  private let folder = FileManager.default.temporaryDirectory.appending(
    path: "secrets-\(UUID().uuidString)")

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  /// Calls `body` with each damaged form of a file.
  private func damage(_ text: String, _ body: (_ path: String, _ bytes: [UInt8]) throws -> Void)
    throws
  {
    defer { try? FileManager.default.removeItem(at: folder) }
    let sound = Array(text.utf8)
    var random = SeededRandom(seed: 13)
    let truncated = (0..<100).map { Array(sound.prefix(sound.count * $0 / 100)) }
    let flipped = (0..<200).map { _ in
      var bytes = sound
      bytes[.random(in: 0..<bytes.count, using: &random)] ^=
        1 << UInt8.random(in: 0..<8, using: &random)
      return bytes
    }
    for bytes in truncated + flipped {
      let file = folder.appending(path: "secret")
      try Data(bytes).write(to: file)
      try body(file.path(), bytes)
    }
  }

  @Test func aDamagedTokenIsTheFilesOrNone() throws {
    try damage("0123456789abcdef0123456789abcdef\n") { path, bytes in
      do {
        let token = try TokenOptions.parse(["--token-file", path]).presented()
        let text = String(decoding: bytes, as: UTF8.self)
          .trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(token?.text == text, "\(bytes)")
      } catch {
        #expect("\(error)".contains(path), "\(error)")
      }
    }
  }

  @Test func aDamagedFileOfTokensHasTheirLinesOrNone() throws {
    let secrets = ["secret-0123456789abcdef", "secret-fedcba9876543210"]
    let text = "# who may\nann administer \(secrets[0])\nbob read \(secrets[1])\n"
    try damage(text) { path, bytes in
      do {
        let tokens = try AccessTokens.tokens(ofFile: path)
        // What is left has the form that it must have; who can write the file can make it say anything.
        #expect(tokens.allSatisfy { $0.role > .anyone && $0.text.utf8.count >= 16 }, "\(bytes)")
      } catch {
        #expect("\(error)".contains(path) && !"\(error)".contains("secret-"), "\(error)")
      }
    }
  }

  @Test func damagedTopicKeysAreTheFilesOrNone() throws {
    let keys = [String(repeating: "a1", count: 32), String(repeating: "b2", count: 32)]
    try damage(keys.joined(separator: "\n")) { path, bytes in
      do {
        let found = try KafkaOptions.parse(["--topic-key-file", path]).configuration().keys
        #expect(found != nil, "\(bytes)")
      } catch {
        #expect("\(error)".contains(path), "\(error)")
      }
    }
  }
}
