import Eventually
import Testing

@Suite struct StreamCategoryTests {
  @Test func aNameIsTheCategoryAndTheID() {
    let accounts: StreamCategory = "account"
    #expect(accounts.streamName(of: "42") == "account/42")
    #expect(accounts.id(ofStream: "account/42") == "42")
    #expect(accounts.id(ofStream: "account/4/2") == "4/2", "the first / alone divides a name")
    #expect(accounts.id(ofStream: "account/") == "")
    for other in [
      "accounts/42", "accoun/42", "account", "42", "", "/42", "Account/42", "x/account/42",
    ] {
      #expect(accounts.id(ofStream: other) == nil, "'\(other)'")
    }
    #expect(accounts.description == "account")
  }

  @Test func theUnnamedCategoryHasTheNamesWithoutASlash() {
    let unnamed: StreamCategory = ""
    #expect(unnamed == .unnamed && unnamed.description == "unnamed")
    #expect(unnamed.streamName(of: "42") == "42")
    #expect(unnamed.id(ofStream: "42") == "42")
    #expect(unnamed.id(ofStream: "account/42") == nil)
  }

  @Test func aStreamTellsItsCategory() {
    #expect(StreamCategory.of(stream: "account/42") == "account")
    #expect(StreamCategory.of(stream: "a-1_b/c/d") == "a-1_b")
    #expect(StreamCategory.of(stream: "42") == .unnamed)
    for name in ["/42", "Account/42", "é/42", "1a/42", "a b/42"] {
      #expect(StreamCategory.of(stream: name) == nil, "'\(name)'")
    }
  }

  @Test(arguments: [
    ("a", true), ("a1-_z", true), (String(repeating: "a", count: 64), true), ("", true),
    (String(repeating: "a", count: 65), false), ("1a", false), ("-a", false), ("A", false),
    ("a/b", false), ("ä", false), ("a ", false),
  ])
  func namesAreShortAndPlain(_ name: String, _ isOne: Bool) {
    #expect((StreamCategory(name) != nil) == isOne)
  }

  @Test func aTokenIsTextAndBack() {
    let position = EventPosition(
      partition: 3, partitionOffset: 17, sequenceNumber: 99, version: 2)
    let token = ConsistencyToken(position)
    #expect(token.description == "3-17" && ConsistencyToken("3-17") == token)
    for text in ["", "3", "3-", "-3-17", "3-17-1", "3--1", "a-1", "3-99999999999999999999"] {
      #expect(ConsistencyToken(text) == nil, "'\(text)'")
    }
  }
}

/// The names that the types of plain `Codable` events have.
@Suite struct PlainEventTests {
  private enum Account: Codable, Equatable {
    case opened(owner: String, tags: [String])
    case deposited(Int)
    case closed
    case inner(Light)
  }

  private enum Light: String, Codable {
    case red
    case green = "Green"
  }

  private enum Number: Int, Codable { case one = 1 }

  private enum Renamed: Codable, Equatable {
    case opened(owner: String)
    enum CodingKeys: String, CodingKey { case opened = "Opened" }
  }

  private struct Noted: Codable, Equatable { var text: String }

  /// Writes itself in a form of its own.
  private enum Own: Codable {
    case a, b
    enum Keys: String, CodingKey { case kind, more }
    init(from decoder: any Decoder) { self = .a }
    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Keys.self)
      try container.encode("a", forKey: .kind)
      try container.encode(1, forKey: .more)
    }
  }

  private func name<Event: Codable & Sendable>(_ event: Event) -> String {
    JSONEventCodec<Event>().type(of: event)
  }

  @Test func aCaseGivesItsName() {
    #expect(name(Account.opened(owner: "a", tags: ["x"])) == "opened")
    #expect(name(Account.deposited(1)) == "deposited")
    #expect(name(Account.closed) == "closed")
    #expect(name(Account.inner(.red)) == "inner")
    #expect(name(Renamed.opened(owner: "a")) == "Opened", "the name that is encoded")
  }

  @Test func aTextGivesItselfAndAnythingElseItsSwiftType() {
    #expect(name(Light.red) == "red" && name(Light.green) == "Green")
    #expect(name(Number.one) == "Number")
    #expect(name(Noted(text: "a")) == "Noted")
    #expect(name(Own.b) == "Own")
  }

  private func decode<Event: Codable & Sendable>(
    _ type: Event.Type, _ name: String, _ payload: String
  ) throws -> Event {
    try JSONEventCodec<Event>().decode(type: name, payload: Array(payload.utf8).span)
  }

  @Test func whatIsWrittenIsReadBack() throws {
    func check<Event: Codable & Sendable & Equatable>(_ event: Event) throws {
      let codec = JSONEventCodec<Event>()
      var bytes: [UInt8] = []
      try codec.encode(event, into: &bytes)
      try ReadBack(codec).check(event, at: 0, type: codec.type(of: event), payload: bytes.span)
    }
    try check(Account.opened(owner: "a", tags: ["x"]))
    try check(Account.closed)
    try check(Light.green)
    try check(Renamed.opened(owner: "b"))
    try check(Noted(text: "a"))
  }

  @Test func anUnknownCaseIsAnUnknownTypeAndDamageIsNot() throws {
    #expect(throws: UnknownEventType.self) { try decode(Account.self, "frozen", #"{"frozen":{}}"#) }
    #expect(throws: UnknownEventType.self) { try decode(Light.self, "blue", #""blue""#) }
    #expect(throws: UnknownEventType.self) { try decode(Noted.self, "Other", #"{"text":"a"}"#) }
    #expect(throws: DecodingError.self) {
      try decode(Account.self, "deposited", #"{"deposited":{"_0":"x"}}"#)
    }
    #expect(throws: DecodingError.self) { try decode(Light.self, "red", #""blue""#) }
  }

  @Test func noEventTakesAReservedName() throws {
    enum Reserved: String, Codable { case removed = "eventually.removed", none = "" }
    let codec = JSONEventCodec<Reserved>()
    for event in [Reserved.removed, .none] {
      var bytes: [UInt8] = []
      try codec.encode(event, into: &bytes)
      #expect(throws: ReadBackFailure.self) {
        try ReadBack(codec).check(event, at: 0, type: codec.type(of: event), payload: bytes.span)
      }
    }
  }
}
