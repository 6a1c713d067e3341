import Eventually
@testable import EventuallyServer
import Foundation
import HTTPTypes
import Testing

/// The document of the topic.
@Suite struct AsyncAPITests {
  private struct Document {
    let root: [String: Any]

    init(_ json: [UInt8]) throws {
      root = try #require(try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any])
    }

    /// What a path of names leads to; references are followed.
    subscript(names: String...) -> Any? {
      names.reduce(root as Any?) { value, name in
        resolved((resolved(value) as? [String: Any])?[name])
      }
    }

    func resolved(_ value: Any?) -> Any? {
      guard let reference = (value as? [String: Any])?["$ref"] as? String else { return value }
      return reference.split(separator: "/").dropFirst().reduce(root as Any?) {
        ($0 as? [String: Any])?[String($1)]
      }
    }

    var messages: [String: [String: Any]] {
      let found = self["channels", "events", "messages"] as? [String: Any] ?? [:]
      return found.compactMapValues { resolved($0) as? [String: Any] }
    }

    /// The members of a message's payload, and which of them must be there.
    func members(of message: String) -> (all: Set<String>, required: Set<String>) {
      let payload = resolved(messages[message]?["payload"]) as? [String: Any]
      let all = payload?["properties"] as? [String: Any] ?? [:]
      return (Set(all.keys), Set(payload?["required"] as? [String] ?? []))
    }

    var references: Set<String> {
      var found: Set<String> = []
      func look(_ value: Any) {
        if let list = value as? [Any] { list.forEach(look) }
        guard let object = value as? [String: Any] else { return }
        if let reference = object["$ref"] as? String { found.insert(reference) }
        object.values.forEach(look)
      }
      look(root)
      return found
    }
  }

  /// An aggregate whose codec is written by hand, and describes itself.
  private struct Parcel: CodedAggregate {
    static let category: StreamCategory = "parcel"
    enum Event: Equatable { case sent(String) }
    enum Command { case send }
    enum Failure: Error { case never }
    static let codec = Codec()
    var initialState: Int { 0 }
    func apply(_ event: Event, to state: inout Int) { state += 1 }
    func handle(_ command: Command, id: String, state: Int) throws(Failure) -> [Event] {
      [.sent(id)]
    }

    struct Codec: DescribedCodec {
      let contentType = "application/json"
      var payloadSchemas: [String: Schema] {
        ["ParcelSent": .object([.required("to", .string().example("Oslo"))])]
      }
      func type(of event: Event) -> String { "ParcelSent" }
      func encode(_ event: Event, into bytes: inout [UInt8]) {
        guard case .sent(let to) = event else { return }
        bytes += #"{"to":"\#(to)"}"#.utf8
      }
      func decode(type: String, payload: Span<UInt8>) throws -> Event { .sent("") }
    }
  }

  private struct Post: EventuallyApplication {
    static let name = "post"
    var components: [any Component] {
      Parcel()
      Commands("parcels", for: Parcel.self) { Command("send", .send) }.example(.sent("Rome"))
    }
  }

  /// The bank with examples of two of an account's three types.
  private struct Described: EventuallyApplication {
    static let name = "bank"
    var components: [any Component] {
      Account()
      Customer()
      Owners()
      Commands("accounts", for: Account.self) {
        Command("open") { (body: Opening) in .open(owner: body.owner) }
      }
      .example(.opened(owner: "marie"), .closed)
    }
  }

  @Test func casesOfEventsAreMessages() throws {
    let application = try ApplicationModel(Described())
    let document = try Document(application.asyncAPI(topic: "bank", partitions: 4))
    #expect(document["asyncapi"] as? String == "3.0.0")
    #expect(document["channels", "events", "address"] as? String == "bank")
    #expect(document["channels", "events", "bindings", "kafka", "partitions"] as? Int == 4)
    #expect(
      Set(document.messages.keys) == [
        "account-opened", "account-closed", "account-other", "customer-event",
        "eventually-removed", "eventually-erased", "placeholder",
      ], "\(document.messages.keys.sorted())")
    let opened = try #require(document.messages["account-opened"])
    #expect(opened["name"] as? String == "opened")
    #expect(document.members(of: "account-opened").required == ["opened"])
    let examples = try #require(opened["examples"] as? [[String: Any]])
    #expect("\(examples)".contains("marie"), "\(examples)")
    // Of what is not described nothing is said, but that.
    let other = try #require(document.messages["account-other"])
    #expect((other["payload"] as? [String: Any])?.isEmpty == true, "\(other)")
    #expect((other["description"] as? String)?.contains("does not describe") == true, "\(other)")
    let group = document["operations", "apply-owners", "bindings", "kafka", "groupId", "enum"]
    #expect(group as? [String] == ["bank.owners.v1"])
    for reference in document.references {
      #expect(document.resolved(["$ref": reference]) is [String: Any], "\(reference) leads nowhere")
    }
  }

  @Test func aCodecDescribesItsPayloads() throws {
    let document = try Document(
      ApplicationModel(Post()).asyncAPI(topic: "post", partitions: nil))
    #expect(document["channels", "events", "bindings", "kafka", "partitions"] == nil)
    #expect(
      Set(document.messages.keys) == [
        "parcel-ParcelSent", "eventually-removed", "eventually-erased", "placeholder",
      ], "\(document.messages.keys.sorted())")
    #expect(document.members(of: "parcel-ParcelSent").required == ["to"])
    let examples = document.messages["parcel-ParcelSent"]?["examples"]
    #expect("\(examples ?? "none")".contains("Rome"), "\(examples ?? "none")")
  }

  @Test func writersServeIt() async throws {
    let bank = try await TestWriter(Bank())
    let answer = await bank.api.answer(APIRequest(.get, "/asyncapi.json"))
    #expect(answer.status == .ok)
    let document = try Document(answer.bytes)
    #expect(document["channels", "events", "bindings", "kafka", "partitions"] as? Int == 4)
    let operation = bank.api.operations.first { $0.path == "/asyncapi.json" }
    #expect(operation?.role == .anyone)
  }
}
