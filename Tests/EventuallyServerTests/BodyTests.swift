import Eventually
import Foundation
import HTTPTypes
import Testing

@testable import EventuallyServer

/// Bodies that their types take.
@Suite struct BodyTests {
  private struct Optionals: Decodable {
    var list: [Int?]
    var map: [String: Int?]
  }

  private struct Asking: Decodable {
    var count: Int
    enum CodingKeys: CodingKey { case count }
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      count = container.contains(.count) ? try container.decode(Int.self, forKey: .count) : 7
    }
  }

  private func decode<Body: Decodable>(_ type: Body.Type, _ json: String) throws -> Body {
    try JSONBody.decode(type, Array(json.utf8), Schema.shape(of: type).value)
  }

  @Test func elementsAndMembersThatATypeCanDoWithoutMayBeLeftOut() throws {
    let body = try decode(Optionals.self, #"{"list":[1,null],"map":{"a":null}}"#)
    #expect(body.list == [1, nil] && body.map == ["a": nil])
    #expect(try decode(Asking.self, "{}").count == 7)
    #expect(try decode(Optional<Int>.self, "null") == nil)
  }

  private struct Numbers: Decodable, Equatable {
    var cents: Int
    var large: UInt64
    var ratio: Double
  }

  @Test func wholeNumbersMayBeWrittenWithExponents() throws {
    let json = #"{"cents":1e17,"large":1.8446744073709551615e19,"ratio":1e17}"#
    #expect(
      try decode(Numbers.self, json)
        == Numbers(cents: 100_000_000_000_000_000, large: .max, ratio: 1e17))
    for cents in ["1.5", "1e19", "9223372036854775808.0", "1e-1"] {
      let error = #expect(throws: InvalidMember.self) {
        try decode(Numbers.self, json.replacing("1e17,\"large", with: cents + ",\"large"))
      }
      #expect(error?.description.contains("'cents' must be a whole number") == true, "\(cents)")
    }
  }

  /// Counts how often one is decoded.
  private struct Counted: Decodable {
    static let count = Locked(0)
    init(from decoder: any Decoder) throws {
      Self.count.withLock { $0 += 1 }
      _ = try decoder.singleValueContainer().decode(Int.self)
    }
  }

  @Test func theShapeOfATypeIsFoundOnce() throws {
    let request = APIRequest(.get, "/", body: Array("1".utf8))
    for _ in 0..<3 { _ = try request.decode(Counted.self) }
    #expect(Counted.count.withLock { $0 } == 4, "once for the shape, and once for each request")
  }

  /// A name may be as long as a body, and a character as long as a name.
  @Test func longNamesAreCutAndEscapedInMessages() throws {
    for name in [
      String(repeating: "n", count: 1 << 20),
      "\u{202E}" + String(repeating: "\u{301}", count: 1 << 20),
    ] {
      for json in [#"{"map":{"\#(name)":"x"},"list":[]}"#, #"{"map":{"\#(name)":1.5},"list":[]}"#] {
        let error = #expect(throws: InvalidMember.self) { try decode(Optionals.self, json) }
        let words = error?.description ?? ""
        #expect(words.hasPrefix("'map.") && words.utf8.count < 1000, "\(words.prefix(2000))")
        #expect(!words.unicodeScalars.contains("\u{202E}"))
      }
    }
  }

  @Test func idsAreNoPartsThatPathsLose() throws {
    let rule = IDRule.default
    let pattern = try NSRegularExpression(pattern: rule.pattern)
    for (id, isValid) in [
      (".", false), ("..", false), ("...", true), (".a", true), ("a.", true), ("", false),
      ("a b", false), ("a/b", false), ("a%b", false), ("!~", true), ("ä", false),
      (String(repeating: "x", count: 128), true), (String(repeating: "x", count: 129), false),
    ] {
      #expect(rule.isValid(id) == isValid, "\(id)")
      let range = NSRange(id.startIndex..., in: id)
      #expect((pattern.firstMatch(in: id, range: range) != nil) == isValid, "\(id)")
    }
  }

  @Test func whatATypeCanNotDoWithoutIsNamed() {
    for (json, words) in [("[1,null]", "[1]"), ("null", "body")] {
      do {
        _ = try decode([Int].self, json)
        Issue.record("\(json) was taken")
      } catch {
        #expect("\(error)".contains(words), "\(json): \(error)")
      }
    }
  }
}
