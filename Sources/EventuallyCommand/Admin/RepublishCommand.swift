import ArgumentParser
import Eventually

extension AdminCommand {
  /// `admin republish`
  struct Republish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Have events published again, after their topic was lost.",
      discussion: """
        A writer publishes what comes after the last event that the topic has acknowledged. Where the topic was deleted or has \
        lost records, the events before are in the store, and not in the topic: workers that are behind take them from the \
        event feed, other consumers miss them. This sets back what counts as published. It is refused while a writer runs.

        The writer that is started next creates the topic where there is none, and reads the topic's end. What of the store's \
        events it finds there without a gap stays as it is; the others are published again, in order. Workers drop \
        events that they have applied, other consumers must tell them by their ids. Events that the brokers have deleted by \
        a retention count as published where the topic still has later ones.
        """)
    @OptionGroup var files: AdminCommand.DataOptions
    @Option(
      name: .customLong("from"),
      help: ArgumentHelp(
        "The sequence number of the first event; all events where it is left out.",
        valueName: "sequence"), transform: Whole.init)
    var first: SequenceNumber = 1

    func run() async throws {
      let republication = try await files.openStore().republish(from: UInt64(first.value))
      let (from, head) = (grouped(republication.from), grouped(republication.head))
      try Output.standard.line(
        republication.from > republication.publishedBefore
          ? "nothing is set back: published up to sequence number \(grouped(republication.publishedBefore)) of \(head)"
          : "published up to sequence number \(grouped(republication.publishedBefore)) before; the next writer publishes the "
            + "events \(from) to \(head) again, where it does not find them in the topic")
    }
  }
}
