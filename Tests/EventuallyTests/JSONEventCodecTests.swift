import Eventually
import EventuallyTesting
import Testing

/// The type that stands with an event decides how it is read, not the payload alone.
@Suite struct JSONEventCodecTests {
  /// The code of last year.
  private enum Old: NamedEvent, Equatable {
    case deposited(cents: Int)
    case closed
    var eventType: String {
      switch self {
      case .deposited: "Deposited"
      case .closed: "Closed"
      }
    }
  }

  /// The code of today, which the events come from.
  private enum New: NamedEvent, Equatable {
    case deposited(cents: Int, currency: String)
    case frozen(reason: String)
    var eventType: String {
      switch self {
      case .deposited: "Deposited.v2"
      case .frozen: "Frozen"
      }
    }
  }

  /// Old code that lists its types.
  private enum Listed: NamedEvent, Equatable {
    case deposited(cents: Int)
    case closed
    static let eventTypes: [String]? = ["Deposited", "Closed"]
    var eventType: String {
      switch self {
      case .deposited: "Deposited"
      case .closed: "Closed"
      }
    }
  }

  private enum Light: String, NamedEvent, CaseIterable {
    case red, green
    var eventType: String { "Turned-\(rawValue)" }
  }

  private func bytes<Event>(_ event: Event) throws -> [UInt8] where Event: NamedEvent {
    var bytes: [UInt8] = []
    try JSONEventCodec<Event>().encode(event, into: &bytes)
    return bytes
  }

  private func failure<Event: NamedEvent>(
    _ type: Event.Type, _ name: String, _ payload: [UInt8]
  ) -> (any Error)? {
    do {
      _ = try JSONEventCodec<Event>().decode(type: name, payload: payload.span)
      return nil
    } catch {
      return error
    }
  }

  @Test func aNewerFormIsNotReadAsTheOldOne() throws {
    let event = New.deposited(cents: 5, currency: "USD")
    let payload = try bytes(event)
    let old = try #require(failure(Old.self, "Deposited.v2", payload))
    #expect((old as? UnknownEventType)?.type == "Deposited.v2", "\(old)")
    let listed = try #require(failure(Listed.self, "Deposited.v2", payload))
    #expect((listed as? UnknownEventType)?.type == "Deposited.v2", "\(listed)")
    let read = try JSONEventCodec<New>().decode(type: "Deposited.v2", payload: payload.span)
    #expect(read == event)
  }

  @Test func aCaseThatTheCodeDoesNotHaveIsAnUnknownType() throws {
    let payload = try bytes(New.frozen(reason: "court"))
    for error in [failure(Old.self, "Frozen", payload), failure(Listed.self, "Frozen", payload)] {
      #expect((error as? UnknownEventType)?.type == "Frozen", "\(String(describing: error))")
    }
    let light = failure(Light.self, "Turned-blue", Array(#""blue""#.utf8))
    #expect((light as? UnknownEventType)?.type == "Turned-blue")
  }

  @Test(arguments: [
    "{}", "[]", #"{"deposited":{}}"#, #"{"deposited":{"cents":"5"}}"#, "{", "",
    #"{"deposited":{"cents":5},"closed":{}}"#,
  ])
  func aDamagedPayloadIsNoUnknownType(_ payload: String) {
    for error in [
      failure(Old.self, "Deposited", Array(payload.utf8)),
      failure(Listed.self, "Deposited", Array(payload.utf8)),
    ] {
      #expect(error != nil && !(error is UnknownEventType), "\(String(describing: error))")
    }
  }

  @Test func aPayloadOfAnotherKnownTypeIsRefused() throws {
    let error = try #require(failure(Listed.self, "Closed", try bytes(Listed.deposited(cents: 5))))
    #expect((error as? OtherEventType)?.found == "Deposited", "\(error)")
  }

  /// Names are bytes: the Kelvin sign is no K, though `==` of strings has it so.
  @Test func typesAreToldApartByTheirBytes() throws {
    struct Kept: NamedEvent { var eventType: String { "Kept" } }
    let error = failure(Kept.self, "\u{212A}ept", Array("{}".utf8))
    #expect(error is UnknownEventType, "\(String(describing: error))")
    let chain = UpcastChain([Upcast("Kept", from: 1) { _ in [] }])
    #expect(try chain.upcast(type: "\u{212A}ept", payload: [UInt8]().span) == nil)
  }

  /// An upcast that leads to a form which the codec does not write is found at the append.
  @Test func anUpcastFromTheFormThatIsWrittenIsFoundAtTheAppend() {
    let codec = UpcastingCodec(
      JSONEventCodec<Old>(),
      [Upcast("Deposited", from: 1) { payload in payload.withUnsafeBufferPointer { Array($0) } }])
    let store = InMemoryEventStore<String, Old>(checking: codec)
    let error = #expect(throws: EventStoreError.self) {
      try store.append([.deposited(cents: 5)], to: "1", expecting: .any)
    }
    guard case .unreadable(let failure)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(failure.reason.contains("Deposited.v2"))
  }
}
