import ArgumentParser
import EventuallyServer
import Testing

@testable import EventuallyCommand

/// Whoever names a stream by its entity's id alone is told what it is called.
@Suite struct StreamHintTests {
  private func failure(_ command: @Sendable () async throws -> Void) async throws -> String {
    let application = try ApplicationModel(Bank())
    return await Program.$application.withValue(application) {
      do {
        try await command()
        return "no error"
      } catch {
        return "\(error)"
      }
    }
  }

  @Test func eventsOfAnIDNameTheStreamsThatExist() async throws {
    let bank = try await TestWriter(Bank())
    #expect(try await bank.post("/accounts/eve/open", #"{"owner":"eve"}"#).status == 200)
    #expect(try await bank.post("/accounts/bob/open", #"{"owner":"bob"}"#).status == 200)
    #expect(try await bank.post("/customers/eve/register", #"{"name":"Eve"}"#).status == 200)
    let folder = bank.folder
    for (stream, words) in [
      ("eve", "no events of 'eve': did you mean customer/eve, account/eve?"),
      ("bob", "no events of 'bob': did you mean account/bob?"), ("max", "no events of 'max'"),
    ] {
      let told = try await failure {
        try await AdminCommand.Events.parse(["--data", folder, "--stream", stream]).run()
      }
      #expect(told.hasSuffix(words), "\(told)")
    }
  }

  @Test func parkedStreamsAreNamedWhole() async throws {
    let parked = ["account/eve", "account/bob"]
    for (name, words) in [
      ("account/eve", "no error"), ("eve", "'eve' is not parked: did you mean account/eve?"),
      ("max", "'max' is not parked"),
    ] {
      let told = try await failure { _ = try AdminCommand.Parked.name(name, among: parked) }
      #expect(told.hasSuffix(words), "\(told)")
    }
  }
}
