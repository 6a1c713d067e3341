import Eventually
import Foundation
import Testing

/// What is known of the payloads of Codable events.
@Suite struct PayloadFormTests {
  private enum Cases: Codable {
    case opened(owner: String, at: Date, note: String?)
    case renamed(String)
    case closed
  }

  private enum Exampled: ExampledEvent {
    case one(Int8), two
    static let examples: [Exampled] = [.one(1), .two]
  }

  private struct Fact: Codable { var id: UUID; var count: Int8? }

  private enum Text: String, Codable, CaseIterable { case begun, ended }

  private enum Named: String, NamedEvent, CaseIterable {
    case first, second
    var eventType: String { "Named.\(rawValue)" }
  }

  /// Another form for each kind, read by hand.
  private struct ByHand: Codable {
    var kind: String
    init(from decoder: any Decoder) throws {
      kind = try decoder.singleValueContainer().decode(String.self)
      guard kind == "a" else {
        throw DecodingError.valueNotFound(String.self, .init(codingPath: [], debugDescription: ""))
      }
    }
  }

  private func payloads<Event: Codable & Sendable>(
    of type: Event.Type, _ examples: Event...
  ) -> PayloadForms {
    JSONEventCodec<Event>().payloads(examples: examples)
  }

  @Test func casesAreKnownByTheirExamples() throws {
    let found = payloads(
      of: Cases.self, .opened(owner: "m", at: Date(), note: nil), .renamed("x"), .closed)
    #expect(found.forms.map(\.type) == ["closed", "opened", "renamed"])
    #expect(
      found.forms.map(\.shape) == [
        .object([.init("closed", .object([]))]),
        .object([
          .init(
            "opened",
            .object([
              .init("owner", .string()), .init("at", .number),
              .init("note", .string(), isRequired: false),
            ]))
        ]),
        .object([.init("renamed", .object([.init("_0", .string())]))]),
      ], "\(found.forms)")
    #expect(found.forms.first?.example == Array(#"{"closed":{}}"#.utf8))
    // There may be more.
    #expect(!found.isComplete)
    #expect(payloads(of: Cases.self).forms.isEmpty)
  }

  @Test func aTypeTellsItsOwnExamples() {
    let found = payloads(of: Exampled.self)
    #expect(found.isComplete)
    #expect(found.forms.map(\.type) == ["one", "two"])
  }

  @Test func whatHasOneFormNeedsNoExample() {
    let found = payloads(of: Fact.self)
    #expect(found.isComplete)
    #expect(found.forms.map(\.type) == ["Fact"])
    #expect(
      found.forms.first?.shape
        == .object([
          .init("id", .string(format: "uuid")),
          .init("count", .integer(minimum: -128, maximum: 127), isRequired: false),
        ]))
  }

  @Test func textsAreTypes() {
    let found = payloads(of: Text.self)
    #expect(found.forms.map(\.type) == ["begun", "ended"])
    #expect(found.forms.map(\.shape) == [.choice(["begun"]), .choice(["ended"])])
    #expect(found.isComplete)
  }

  @Test func namesAreListed() {
    let found = payloads(of: Named.self, .first)
    #expect(found.forms.map(\.type) == ["Named.first", "Named.second"])
    #expect(found.forms.map(\.shape) == [.choice(["first"]), nil])
    #expect(found.isComplete)
  }

  @Test func whatIsReadByHandIsNotKnown() {
    let found = payloads(of: ByHand.self)
    #expect(found.forms.isEmpty && !found.isComplete)
  }
}
