import Eventually
import EventuallyTesting
import Testing

@testable import EventuallyPostgres

@Suite(.timeLimit(.minutes(5))) struct StreamListTests {
  @Test func streamsAreFound() async throws {
    let schema = TestStores.schema()
    try await StreamListContract(
      makeStore: {
        let store = try await TestStores.open(schema: schema)
        return (
          store,
          try await PostgresEventLog(url: try TestServer.shared.get().url(), schema: schema)
        )
      }, event: { "event \($0)" }, type: "Text"
    ).check()
  }
}
