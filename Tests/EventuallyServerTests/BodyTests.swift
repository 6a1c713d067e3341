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
