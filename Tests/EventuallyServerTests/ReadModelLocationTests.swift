import Eventually
import Testing

@testable import EventuallyServer

/// A setting names a folder or a database, and no message has its password.
@Suite struct ReadModelLocationTests {
  @Test(arguments: [
    ("data/read-models", SQLDialect.sqlite, "data/read-models"),
    ("", .sqlite, ""),
    ("postgres", .sqlite, "postgres"),
    ("postgres://host/db", .postgres, "postgres://host/db"),
    ("PostgreSQL://host", .postgres, "PostgreSQL://host"),
    ("postgres://user:secret@host:5432/db", .postgres, "postgres://user:***@host:5432/db"),
    ("postgres:///db?sslpassword=secret&x=1", .postgres, "postgres:///db?sslpassword=***&x=1"),
  ])
  func settingsAreTold(_ text: String, _ dialect: SQLDialect, _ shown: String) {
    let location = ReadModelLocation(text)
    #expect(location.dialect == dialect)
    #expect(location.description == shown)
    #expect(!"\(location)".contains("secret"))
  }
}
