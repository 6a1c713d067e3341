import ArgumentParser

@main
struct Bench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measures the pipeline side by side with plain C on SQLite and librdkafka.",
    discussion: """
      `run` does everything, prints a table, and writes it. Each measurement is a process of its own, one of the other \
      subcommands or of the program `reference`, so that the peak of its memory is its own; subject and reference take turns.
      """,
    subcommands: [
      RunCommand.self, BrokerChild.self, TopicChild.self, BuildChild.self, AppendChild.self,
      CallersChild.self,
      PagesChild.self,
      ScanChild.self, StreamChild.self, LoadChild.self, SnapshotLoadChild.self, PublishChild.self,
      WorkerChild.self,
      ReplayChild.self, CodecChild.self, PacedWriterChild.self, PacedOrdersChild.self,
      InMemoryChild.self, OrderEventChild.self,
    ],
    defaultSubcommand: RunCommand.self)
}
