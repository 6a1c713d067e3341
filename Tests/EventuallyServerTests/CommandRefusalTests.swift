import Testing

@testable import EventuallyServer

/// What programs tell refusals apart by.
@Suite struct CommandRefusalTests {
  private enum Described: Error, CustomStringConvertible {
    case notOpen
    case notCovered(by: Int)
    var description: String { "the Account is in no state for that" }
  }
  private enum Plain: Error { case alreadyOpen, notEmpty(cents: Int) }
  private struct TooLate: Error {}

  @Test func theCodeIsTheNameOfTheCaseWhateverTheErrorSaysOfItself() {
    for (error, code) in [
      (Described.notOpen, "not-open"), (Described.notCovered(by: 1), "not-covered"),
      (Plain.alreadyOpen, "already-open"), (Plain.notEmpty(cents: 1), "not-empty"),
      (TooLate(), "too-late"),
    ] as [(any Error, String)] {
      #expect(CommandRefused.code(of: error) == code)
    }
    #expect(CommandRefused.message(Described.notOpen) == "the Account is in no state for that")
    #expect(CommandRefused.message(Plain.alreadyOpen) == "the command is refused: already open")
  }
}
