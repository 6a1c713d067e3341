import Testing

@testable import EventuallyPostgres

struct ConnectionRefusalTests {
  private static let place = "connection to server at \"db\" (10.0.0.1), port 5432 failed: "

  @Test(arguments: [
    (
      "FATAL:  28P01: password authentication failed for user \"a\"\nLOCATION:  auth_failed, auth.c:329",
      true
    ),
    ("FATAL:  3D000: database \"b\" does not exist\nLOCATION:  InitPostgres, postinit.c:962", true),
    (
      "FATAL:  28000: Rolle »a« existiert nicht\nORT:  InitializeSessionUserId, miscinit.c:757",
      true
    ),
    (
      "FATAL:  42501: permission denied for database \"b\"\nDETAIL:  User does not have CONNECT privilege.",
      true
    ),
    (
      "FATAL:  57P03: the database system is starting up\nLOCATION:  ProcessStartupPacket, postmaster.c:2456",
      false
    ),
    ("FATAL:  53300: sorry, too many clients already\nLOCATION:  InitProcess, proc.c:360", false),
    (
      "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
      false
    ),
    ("FATAL:  pooler error without a code", false), ("", false),
  ])
  func whetherItLasts(_ text: String, _ isLasting: Bool) {
    #expect(ConnectionRefusal(Self.place + text).isLasting == isLasting)
  }

  @Test func wordsStayAsTheyAre() {
    let refusal = ConnectionRefusal(
      """
      \(Self.place)FATAL:  28000: no pg_hba.conf entry for host "10.0.0.2", user "a", database "b", no encryption
      HINT:  Ask: 12345: someone.
      LOCATION:  ClientAuthentication, auth.c:543
      """)
    #expect(
      refusal.message == """
        \(Self.place)FATAL:  no pg_hba.conf entry for host "10.0.0.2", user "a", database "b", no encryption
        HINT:  Ask: 12345: someone.
        """)
    #expect(refusal.codes == [SQLState(rawValue: "28000")])
  }

  /// libpq tries one host after the other: the last answer is why it has stopped.
  @Test func theLastAnswerCounts() {
    let starting = "\(Self.place)FATAL:  57P03: the database system is starting up"
    let wrong = "\(Self.place)FATAL:  28P01: password authentication failed for user \"a\""
    #expect(ConnectionRefusal("\(starting)\n\(wrong)").isLasting)
    #expect(!ConnectionRefusal("\(wrong)\n\(starting)").isLasting)
  }
}
