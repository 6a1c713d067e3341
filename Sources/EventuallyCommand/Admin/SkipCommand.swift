import EventuallyServer
import ArgumentParser
import Eventually

extension AdminCommand {
  /// `admin skip`
  struct Skip: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Have a placeholder published in the place of an event that the broker refuses.",
      discussion: """
        An event whose record the broker refuses, because it is too large for the topic say, holds its partition: what comes after \
        it is not published. Where the broker's limit can't be raised, this decides that a placeholder stands in its place: a \
        record with the same key and position, and without the payload. Workers take the event itself from the event feed, in \
        order. Only the event that holds the partition can be skipped (\(Program.admin) status). The decision is kept in the store; \
        the writer carries it out within seconds, or when it runs again.
        """)

    @OptionGroup var files: AdminCommand.DataOptions
    @OptionGroup var held: HeldEvent

    func run() async throws {
      let log = try await files.openStore()
      let event = try await log.skip(partition: held.partition, offset: held.offset)
      try Output.standard.line(
        "a placeholder is published in the place of the event at partition \(held.partition), partition offset "
          + "\(held.offset), of type '\(event.type)', of stream '\(event.streamID)', once a writer comes to it"
      )
    }
  }
}
