public import EventuallyServer
public import ArgumentParser
package import Eventually
package import EventuallyKafka
import Foundation
package import Logging

/// Which Kafka, and which topic.
package struct KafkaOptions: ParsableArguments {
  package init() {}

  @Option(help: "Kafka's bootstrap servers, separated by commas.")
  var brokers = "127.0.0.1:9092"

  @Option(help: "The topic that holds the store's events.")
  package var topic = Program.name

  @OptionGroup var properties: KafkaPropertyOptions

  @Option(
    help: ArgumentHelp(
      "A file with the keys that records are signed and verified with, one a line; the first signs.",
      discussion: """
        Writer, projectors and replays from Kafka need the same. Each key has 32 bytes or more: openssl rand -hex 32. \
        Without keys, whoever may write to the topic can forge events.
        """,
      valueName: "file"))
  var topicKeyFile: String?

  package func validate() throws {
    guard !brokers.isEmpty else { throw ValidationError("--brokers is empty") }
    let allowed = CharacterSet(charactersIn: "._-").union(.alphanumerics)
    guard (1...249).contains(topic.count), topic.unicodeScalars.allSatisfy(allowed.contains) else {
      throw ValidationError(
        "--topic '\(topic)' can't name a topic: letters, digits, '.', '_' and '-' can")
    }
  }

  package func configuration() throws -> KafkaConfiguration {
    KafkaConfiguration(
      brokers: brokers, topic: topic, overrides: try properties.overrides(), keys: try topicKeys())
  }

  private func topicKeys() throws -> TopicKeys? {
    guard let topicKeyFile else { return nil }
    let content: Data
    do {
      content = try Data(contentsOf: URL(filePath: topicKeyFile))
    } catch {
      throw Failure(
        "the topic key file \(topicKeyFile) can't be read: \(error.localizedDescription)")
    }
    do {
      return try TopicKeys(lines: [UInt8](content))
    } catch {
      throw Failure("the topic key file \(topicKeyFile): \(error)")
    }
  }
}

/// Where the store is.
package struct StoreOptions: ParsableArguments {
  package init() {}

  @Option(help: ArgumentHelp("The event store's file or URL.", valueName: "file or url"))
  package var store = StoreLocation.file("data/store.sqlite")

  @Option(
    help: ArgumentHelp(
      "How many partitions a new store has; it can't change later. 12 where it is left out.",
      valueName: "count"), transform: Whole.init)
  package var partitions: Whole<1, 1000>?

  /// Where the store is: a file in a directory that exists.
  package func prepared() throws -> StoreLocation {
    if case .file(let path) = store { try makeDirectory(of: path) }
    return store
  }
}

/// Where a writer listens.
package struct ServerOptions: ParsableArguments {
  package init() {}

  @Option(
    help: ArgumentHelp(
      "Where to serve HTTP; port 0 takes any that is free.", valueName: "host:port"))
  package var listen: ListenAddress = .writer

  @Option(
    help: ArgumentHelp("A file to write the server's URL to once it serves.", valueName: "file"))
  package var addressFile: String?

  @Option(
    name: .customLong("allow-origin"), parsing: .singleValue,
    help: ArgumentHelp(
      "An origin whose pages may have browsers give commands, besides the server's own; may be repeated.",
      discussion: "For example --allow-origin https://shop.example, where a proxy serves it.",
      valueName: "origin"))
  var allowedOrigins: [String] = []

  /// Whose pages may have browsers give commands.
  package var origins: OriginPolicy {
    OriginPolicy(allowed: Set(allowedOrigins.compactMap(OriginPolicy.origin)))
  }

  package func validate() throws {
    for text in allowedOrigins where OriginPolicy.origin(text) == nil {
      throw ValidationError(
        "--allow-origin '\(text)' is not http://host[:port] or https://host[:port]")
    }
  }

  package func address() throws -> ListenAddress { listen }
}

extension ListenAddress: ExpressibleByArgument {
  /// Any free port of this machine.
  package static var anyPort: ListenAddress { ListenAddress(host: "127.0.0.1", port: 0) }
  /// Where writers listen by default.
  package static var writer: ListenAddress { ListenAddress(host: "127.0.0.1", port: 8080) }
  /// Where query servers listen by default.
  static var queries: ListenAddress { ListenAddress(host: "127.0.0.1", port: 8081) }

  /// `host:port`.
  public init?(argument: String) { self.init(argument) }

  /// `host:port`.
  public var defaultValueDescription: String { "\(host):\(port)" }
}

/// When a process counts as hanging.
package struct HealthOptions: ParsableArguments {
  package init() {}

  @Option(
    help: ArgumentHelp(
      "How long a loop may work without a sign of life before /healthz fails.",
      valueName: "seconds"), transform: Whole.init)
  var stallLimit: Whole<1, 3600> = 30

  package func heartbeats() -> Heartbeats { Heartbeats(limit: stallLimit.seconds) }
}

/// How much is logged.
package struct LogOptions: ParsableArguments {
  package init() {}

  @Option(help: "How much to log: trace, debug, info, notice, warning or error.")
  var logLevel = "info"

  @Option(help: "How to log: text, or json, an object a line.")
  var logFormat = LogFormat.text

  package func validate() throws {
    guard Logger.Level(rawValue: logLevel) != nil else {
      throw ValidationError("--log-level '\(logLevel)' is unknown")
    }
  }

  /// A logger to standard error.
  package func logger(_ label: String) -> Logger {
    LogFormat.current = logFormat
    var logger = Logger(label: label) { ProcessLogHandler(label: $0) }
    logger.logLevel = Logger.Level(rawValue: logLevel) ?? .info
    return logger
  }
}

/// Creates the directory that a file is to be in.
package func makeDirectory(of path: String) throws {
  let directory = URL(filePath: path).deletingLastPathComponent()
  do {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  } catch {
    throw Failure("the directory \(directory.path()) can't be created: \(error)")
  }
}

extension StoreLocation: ExpressibleByArgument {
  /// A URL of PostgreSQL, or else a path.
  public init?(argument: String) { self.init(argument) }

  /// The path, or the URL without passwords.
  public var defaultValueDescription: String { description }
}

extension HTTPEndpoint: ExpressibleByArgument {
  /// An http or https URL.
  public init?(argument: String) { self.init(argument) }
}
