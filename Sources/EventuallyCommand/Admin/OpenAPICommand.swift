import ArgumentParser
import Eventually
import EventuallyKafka
import EventuallyServer
import EventuallySQLite
import Logging

extension AdminCommand {
  /// `openapi`
  struct OpenAPI: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
      CommandConfiguration(
        commandName: "openapi",
        abstract: "Print the OpenAPI document of the writer or of the queries.",
        discussion: "The processes serve the same documents at /openapi.json.")
    }

    enum Interface: String, ExpressibleByArgument, CaseIterable {
      case writer
      case queries
    }

    @Argument(help: "Which interface: writer or queries.")
    var interface = Interface.writer

    func run() async throws {
      let application = try Program.current()
      switch interface {
      case .queries:
        try Output.standard.json(try QueryServer(describing: application).api.openAPI)
      case .writer:
        // The routes are a writer's, and a writer has a store.
        let scratch = try ScratchFolder("eventually-openapi")
        defer { withExtendedLifetime(scratch) {} }
        var logger = Logger(label: "openapi")
        logger.logLevel = .error
        let writer = try await Writer(
          application,
          options: Writer.Options(
            store: scratch.file("store.sqlite"),
            kafka: KafkaConfiguration(brokers: "127.0.0.1:1", topic: application.name)),
          logger: logger)
        try Output.standard.json(try writer.api().openAPI)
        await writer.store.close()
      }
    }
  }
}
