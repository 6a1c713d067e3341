import Eventually
import Testing

@testable import EventuallyKafka

@Suite struct SourceNameTests {
  @Test(arguments: [
    "0a2f6b5e-7d5e-4c5f-9d38-1f0f3ab1c9a4", "shop", "shop/eu?x=1#y", "urn:shop:1",
    "https://shop.example/orders", "https://me@shop.example:8443/orders?a=b", "./a:b", "~shop",
    "//shop.example",
  ])
  func whatIsAReferenceStaysAsItIs(id: String) {
    #expect(SourceName.uri(of: id) == id)
  }

  @Test(arguments: [
    ("my shop", "my%20shop"), ("caf\u{e9}", "caf%C3%A9"), ("a%20b", "a%2520b"),
    ("a#b#c", "a%23b%23c"),
    ("1a:b", "1a%3Ab"), (":a", "%3Aa"), ("a\"<>\\^`{|}", "a%22%3C%3E%5C%5E%60%7B%7C%7D"),
    ("http://a b", "http%3A%2F%2Fa%20b"), ("x[1]", "x%5B1%5D"),
    ("http://a:b/", "http%3A%2F%2Fa%3Ab%2F"),
    ("//a@b@c", "%2F%2Fa%40b%40c"), ("a\nb", "a%0Ab"),
  ])
  func anythingElseIsEncoded(id: String, name: String) {
    #expect(SourceName.uri(of: id) == name)
  }

  /// All ids of up to three characters of an alphabet: no two have the same name, and no name has a character that a URI
  /// reference may not have.
  @Test func noTwoIdsHaveTheSameName() {
    let alphabet = Array("a1:/?#%@ \u{e9}")
    var names: [String: String] = [:]
    func extend(_ id: String, _ left: Int) {
      if !id.isEmpty {
        let name = SourceName.uri(of: id)
        #expect(names.updateValue(id, forKey: name) == nil, "\(id) \(name)")
        #expect(
          name.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"\"<>\\^`{|}".utf8.contains($0) },
          "\(name)")
      }
      guard left > 0 else { return }
      for character in alphabet { extend(id + String(character), left - 1) }
    }
    extend("", 3)
  }
}

/// A topic whose records name the store in the way that they did before, in its own bytes.
@Suite(.timeLimit(.minutes(5))) struct SourceOnTheWireTests {
  @Test func aStoreWithAnyNameIsPublishedAndConsumed() async throws {
    let topic = uniqueName("topic")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let configuration = configuration(cluster.brokers, topic)
    let outbox = MemoryOutbox(partitions: 1, storeID: "caf\u{e9} no. 1")
    outbox.append(10)
    let status = try await publishAll(configuration, outbox)
    #expect(status.acknowledged == 10)
    outbox.markPublished(0)
    #expect(try await publishAll(configuration, outbox).alreadyPublished == 10)
    let model = MemoryReadModel()
    let consumed = try await consume(
      configuration, outbox, into: model, group: uniqueName("group"), until: 10)
    #expect(consumed.rejectedRecords == 0 && consumed.eventsFromFeed == 0, "\(consumed)")
    expectComplete(model, outbox)
  }

  /// Records that were written before have the id as it is.
  @Test func recordsInTheFormerFormAreReadable() async throws {
    let topic = uniqueName("topic")
    let cluster = try TestCluster(topics: [(topic, 1)])
    let configuration = configuration(cluster.brokers, topic)
    let id = "caf\u{e9} no. 1"
    let outbox = MemoryOutbox(partitions: 1, storeID: id)
    outbox.append(10)
    try await produce(
      outbox.records(after: 0, limit: 10), configuration, storeID: id, source: id)
    #expect(try await publishAll(configuration, outbox).alreadyPublished == 10)
    let model = MemoryReadModel()
    let consumed = try await consume(
      configuration, outbox, into: model, group: uniqueName("group"), until: 10)
    #expect(consumed.rejectedRecords == 0 && consumed.eventsFromFeed == 0, "\(consumed)")
  }
}
