import EventuallyServer
import ArgumentParser
import Eventually
import EventuallyKafka
import Foundation
import Logging

extension AdminCommand {
  /// `admin topic`
  struct Topic: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Look after what brokers hold of a store.", subcommands: [Show.self, Delete.self])

    private static func administration(_ kafka: KafkaOptions) throws -> KafkaAdministration {
      var logger = Logger(label: "topic") { ProcessLogHandler(label: $0) }
      logger.logLevel = .error
      return try KafkaAdministration(try kafka.configuration(), logger: logger)
    }

    /// Whether a consumer group is that of a read model's workers on a topic; others may be called `<topic>.…` too.
    static func isGroup(_ group: String, of topic: String) -> Bool {
      ReadModelName.all.contains { name in
        let prefix = "\(topic).\(name.name).v"
        guard group.hasPrefix(prefix) else { return false }
        let version = group.utf8.dropFirst(prefix.utf8.count)
        return !version.isEmpty && version.allSatisfy { (0x30...0x39).contains($0) }
      }
    }

    /// `admin topic show`
    struct Show: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Tell whether the brokers answer, and how many partitions the topic has.",
        discussion: "The exit code is 1 where they do not answer in time.")

      @OptionGroup var kafka: KafkaOptions
      @Option(
        help: ArgumentHelp("How long to wait.", valueName: "seconds"), transform: Whole.init)
      var timeout: Whole<1, 60> = 10

      func run() async throws {
        let administration = try Topic.administration(kafka)
        let count = try await administration.partitionCount(within: timeout.seconds)
        try Output.standard.line(
          count == 0
            ? "there is no topic \(kafka.topic)" : "\(kafka.topic): \(count) partitions")
      }
    }

    /// `admin topic delete`
    struct Delete: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Delete a topic with its records, and the consumer groups of its read models.",
        discussion: """
          There is no way back, but the store has all events: a writer that is started again creates the topic anew. \
          Stop writer and workers first; a worker that was killed is a member of its group until its session ends, and \
          so long its group is tried again.
          """)

      @OptionGroup var kafka: KafkaOptions
      @Flag(help: "Really do it.")
      var yes = false
      @Option(
        help: ArgumentHelp("How long to try.", valueName: "seconds"), transform: Whole.init)
      var timeout: Seconds = 30

      func validate() throws {
        guard yes else {
          throw ValidationError(
            "this deletes all records of the topic '\(kafka.topic)': confirm that with --yes")
        }
      }

      func run() async throws {
        let administration = try Topic.administration(kafka)
        let deadline = ContinuousClock.now + timeout.seconds
        try await administration.deleteTopic()
        try Output.standard.line("deleted the topic \(kafka.topic)")
        let groups = try await administration.groups().filter {
          Topic.isGroup($0, of: kafka.topic)
        }
        while true {
          do {
            try await administration.deleteGroups(groups)
            break
          } catch {
            guard ContinuousClock.now < deadline else { throw Failure("\(error)") }
            // A group's session ends without a signal for others.
            try await Task.sleep(for: .milliseconds(200))
          }
        }
        for group in groups { try Output.standard.line("deleted the consumer group \(group)") }
      }
    }
  }
}
