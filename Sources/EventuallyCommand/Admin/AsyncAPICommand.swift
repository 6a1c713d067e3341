import ArgumentParser
import EventuallyServer

extension AdminCommand {
  /// `asyncapi`
  struct AsyncAPI: ParsableCommand {
    static var configuration: CommandConfiguration {
      CommandConfiguration(
        commandName: "asyncapi",
        abstract: "Print the AsyncAPI document of the topic.",
        discussion: """
          Writers and workers serve the same document at /asyncapi.json; theirs tells the number of partitions too.
          """)
    }

    @Option(help: "The topic that holds the store's events.")
    var topic = Program.name

    func run() throws {
      try Output.standard.json(try Program.current().asyncAPI(topic: topic, partitions: nil))
    }
  }
}
