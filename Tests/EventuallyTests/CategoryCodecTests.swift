import Eventually
import Testing

/// Codecs that read the events of several categories.
@Suite struct CategoryCodecTests {
  enum Account: Codable, Equatable { case opened, deposited(Int) }
  /// Not `Equatable`: the read-back check compares bytes.
  enum Customer: Codable { case opened, named(String) }

  private struct OtherContent: EventCodec {
    let contentType = "text/plain"
    func type(of event: Account) -> String { "a" }
    func encode(_ event: Account, into bytes: inout [UInt8]) {}
    func decode(type: String, payload: Span<UInt8>) throws -> Account { .opened }
  }

  private func codec(isComplete: Bool) throws -> CategoriesCodec {
    try CategoriesCodec(
      ["account": JSONEventCodec<Account>(), "customer": JSONEventCodec<Customer>()],
      isComplete: isComplete)
  }

  private func record(_ stream: String, _ type: String, _ payload: String = "") -> EventRecord {
    EventRecord(
      id: EventID(high: 1, low: 2), type: type, streamID: stream,
      position: EventPosition(partition: 0, partitionOffset: 1, sequenceNumber: 1, version: 1),
      time: Timestamp(microseconds: 0), payload: Array(payload.utf8))
  }

  @Test func anUndecodableEventSaysItsReasonOnce() throws {
    let record = record("account/1", "opened", "{}")
    guard case .unreadable(let event) = try record.entry(decodedBy: codec(isComplete: true)) else {
      Issue.record("it can be decoded")
      return
    }
    let error = EventStoreError.undecodable(
      position: record.position, type: record.type, cause: UnreadableEventError(event))
    #expect(error.description.split(separator: "can't be decoded").count == 2, "\(error)")
    #expect(error.description.hasSuffix(event.reason), "\(error)")
  }

  @Test func aStreamsCategoryDecides() throws {
    let codec = try codec(isComplete: false)
    #expect(codec.contentType == "application/json")
    let payload = #"{"opened":{}}"#
    guard
      case .event(let account) = try record("account/1", "opened", payload).entry(decodedBy: codec),
      case .event(let customer) = try record("customer/1", "opened", payload).entry(
        decodedBy: codec)
    else {
      Issue.record("no events")
      return
    }
    #expect(account.event.category == "account" && account.event.event is Account)
    #expect(customer.event.category == "customer" && customer.event.event is Customer)
    #expect(account.streamID == "account/1")
  }

  @Test func otherCategoriesAreNotTakenUnlessAllAreKnown() throws {
    for type in ["opened", EventRecord.removedType] {
      for stream in ["order/1", "1", "/1"] {
        let entry = try record(stream, type).entry(decodedBy: codec(isComplete: false))
        guard case .other(let id, let position) = entry else {
          Issue.record("\(stream), \(type): \(entry)")
          continue
        }
        #expect(position.sequenceNumber == 1 && entry.streamID == nil)
        #expect(id == EventID(high: 1, low: 2))
      }
    }
    let error = try #require(throws: EventStoreError.self) {
      try record("order/1", "opened").entry(decodedBy: codec(isComplete: true))
    }
    guard case .undecodable(_, "opened", let cause) = error else { throw error }
    #expect(cause is UnknownEventType)
    guard
      case .removed("order/1", _, _) = try record("order/1", EventRecord.removedType)
        .entry(decodedBy: codec(isComplete: true))
    else {
      Issue.record("the removal is one")
      return
    }
  }

  @Test func oneCategoryAlone() throws {
    let codec = CategoryCodec(JSONEventCodec<Account>(), category: "account")
    guard case .other = try record("customer/1", "x", "not JSON").entry(decodedBy: codec),
      case .event = try record("account/1", "opened", #"{"opened":{}}"#).entry(decodedBy: codec),
      case .removed = try record("account/1", EventRecord.removedType).entry(decodedBy: codec)
    else {
      Issue.record("a category's events")
      return
    }
    let unreadable = try record("account/1", "opened", "not JSON").entry(decodedBy: codec)
    #expect(unreadable.isUnreadable)
  }

  @Test func anEventOfTheWrongTypeIsAnError() throws {
    let codec = try codec(isComplete: true)
    let wrong = AnyEvent(category: "account", event: Customer.opened)
    let unknown = AnyEvent(category: "order", event: Account.opened)
    for event in [wrong, unknown] {
      #expect(codec.type(of: event) == "")
      var bytes: [UInt8] = []
      #expect(throws: WrongEventType.self) { try codec.encode(event, into: &bytes) }
    }
  }

  @Test func whatAnAppendWritesIsReadBack() throws {
    let codec = try codec(isComplete: true)
    let readBack = ReadBack(codec)
    func check(_ category: StreamCategory, _ event: any Sendable, _ stream: String) throws {
      let event = AnyEvent(category: category, event: event)
      var bytes: [UInt8] = []
      try codec.encode(event, into: &bytes)
      try readBack.check(
        event, at: 0, type: codec.type(of: event), payload: bytes.span, stream: stream)
    }
    try check("account", Account.deposited(3), "account/1")
    try check("customer", Customer.named("a"), "customer/1")
    #expect(throws: ReadBackFailure.self) { try check("account", Account.opened, "customer/1") }
    #expect(throws: ReadBackFailure.self) { try check("account", Account.opened, "1") }
  }

  @Test func aStoreInMemoryChecksTheSame() throws {
    let store = InMemoryEventStore<String, AnyEvent>(checking: try codec(isComplete: true))
    let event = AnyEvent(category: "account", event: Account.deposited(3))
    #expect(try store.append([event], to: "account/1", expecting: .any).version == 1)
    #expect(throws: EventStoreError.self) {
      _ = try store.append([event], to: "customer/1", expecting: .any)
    }
  }

  @Test func theCodecsHaveOneContentType() throws {
    #expect(throws: ContentTypesDiffer.self) {
      try CategoriesCodec(
        ["account": JSONEventCodec<Account>(), "other": OtherContent()], isComplete: false)
    }
    #expect(
      try CategoriesCodec(["a": OtherContent()], isComplete: true).contentType == "text/plain")
    #expect(try CategoriesCodec([:], isComplete: true).contentType == "application/json")
  }
}
