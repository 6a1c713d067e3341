import Eventually
import EventuallyKafka
import Logging
import Testing

@testable import EventuallyServer

@Suite struct StoreLocationTests {
  @Test(arguments: [
    ("data/store.sqlite", StoreLocation.file("data/store.sqlite")),
    ("postgres", .file("postgres")), ("./postgres://x", .file("./postgres://x")),
    ("postgres://h/db", .postgres("postgres://h/db")),
    ("postgresql:///db?host=/run", .postgres("postgresql:///db?host=/run")),
    ("Postgres://h", .postgres("Postgres://h")),
  ])
  func aURLOfPostgreSQLIsToldFromAPath(_ text: String, _ location: StoreLocation) {
    #expect(StoreLocation(text) == location)
    #expect(FeedSource(text) == .store(location))
  }

  @Test(arguments: [
    ("/a:b@c/store.sqlite", "/a:b@c/store.sqlite"),
    ("postgres://host:5432/db?sslmode=require", "postgres://host:5432/db?sslmode=require"),
    ("postgres://u@h/db", "postgres://u@h/db"),
    ("postgres://u:hunter2@h:1,i:2/db", "postgres://u:***@h:1,i:2/db"),
    ("postgresql://:hunter2@", "postgresql://:***@"),
    ("postgres://u:p@hunter2@h/db", "postgres://u:***@h/db"),
    ("postgres://u:hun/ter2@h/db", "postgres://u:***@h/db"),
    ("postgres://u:hun?ter2=@h/db", "postgres://u:***@h/db"),
    ("postgres://h/db?password=hunter2", "postgres://h/db?password=***"),
    (
      "postgres://u:x@h?a=1&sslpassword=hunter2&pass%77ord=hunter2&b",
      "postgres://u:***@h?a=1&sslpassword=***&pass%77ord=***&b"
    ),
    ("postgres://h/db?%zz=hunter2", "postgres://h/db?%zz=***"),
    ("postgres://", "postgres://"), ("postgres://?", "postgres://?"),
  ])
  func noPasswordIsShown(_ text: String, _ shown: String) {
    #expect("\(StoreLocation(text))" == shown)
  }

  @Test func whatCanNotBeOpenedIsNamedWithoutItsPassword() async throws {
    let location = StoreLocation("postgres://u:hunter2@127.0.0.1:1/db")
    let model = try ApplicationModel(Bank())
    let options = Writer.Options(
      store: location, kafka: KafkaConfiguration(brokers: "127.0.0.1:1", topic: "none"))
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let attempts: [@Sendable () async throws -> Any] = [
      { try await Writer(model, options: options, logger: logger) },
      { try await location.openForReading() }, { try location.openFile() },
    ]
    for attempt in attempts {
      let error = try await #require(throws: (any Error).self) { _ = try await attempt() }
      #expect("\(error)".contains("the store postgres://u"), "\(error)")
      #expect(!"\(error)".contains("hunter2"), "\(error)")
    }
  }
}
