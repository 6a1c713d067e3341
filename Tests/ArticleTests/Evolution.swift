import Eventually
import EventuallySQLite
import Foundation
import Testing

/// The code of the article "Events that change their form" of Eventually.
enum Evolution {
  // snippet.types
  enum AccountEvent: NamedEvent, Equatable {
    case deposited(amount: Int, source: String)
    case withdrawn(amount: Int)

    var eventType: String {
      switch self {
      case .deposited: "Deposited.v2"
      case .withdrawn: "Withdrawn"
      }
    }

    static let eventTypes: [String]? = ["Deposited.v2", "Withdrawn"]
  }
  // snippet.end

  /// The first form of a deposit, `{"deposited":{"amount":5}}`, with a source.
  private static func addSource(_ source: String, to payload: Span<UInt8>) throws -> [UInt8] {
    struct Deposited: Codable {
      struct Members: Codable {
        var amount: Int
        var source: String?
      }
      var deposited: Members
    }
    var event = try JSONDecoder().decode(
      Deposited.self, from: payload.withUnsafeBufferPointer { Data($0) })
    event.deposited.source = source
    return [UInt8](try JSONEncoder().encode(event))
  }

  @Suite struct EvolutionArticleTests {
    @Test func theFirstFormOfAnEventIsRead() throws {
      // snippet.upcast
      let codec = UpcastingCodec(
        JSONEventCodec<AccountEvent>(),
        [
          // At first all deposits were made in cash.
          Upcast("Deposited", from: 1) { payload in try addSource("cash", to: payload) }
        ])
      // snippet.end
      let first = Array(#"{"deposited":{"amount":5}}"#.utf8)
      #expect(
        try codec.decode(type: "Deposited", payload: first.span)
          == .deposited(amount: 5, source: "cash"))
      #expect(throws: UnknownEventType.self) {
        try codec.decode(type: "Deposited.v3", payload: first.span)
      }
    }

    @Test func aRepositoryKeepsSnapshots() async throws {
      typealias Account = FirstAggregate.Account
      let folder = try TemporaryFolder()
      let store = try SQLiteEventStore(
        path: folder.file("store.sqlite"), codec: JSONEventCodec<Account.Event>())
      // snippet.snapshots
      let accounts = Repository(
        Account(), store: store,
        snapshots: Snapshots(in: store, codec: JSONSnapshotCodec(schemaVersion: 1), every: 100))
      // snippet.end
      _ = try await accounts.execute(Array(repeating: .deposit(1), count: 150), on: "alice")
      #expect(try await store.snapshot(of: "alice")?.version == 150)
      #expect(try await accounts.get("alice").state == 150)
    }
  }
}
