import ArgumentParser
import Eventually
import EventuallyKafka
import EventuallySQLite
import Foundation
import Logging
import EventuallyServer

/// Where a replay reads events.
struct ReplaySourceOptions: ParsableArguments {
  enum Source: String, ExpressibleByArgument, CaseIterable {
    case store
    case kafka
  }

  @Option(
    help: ArgumentHelp(
      "A writer's URL, instead of the store: for events, and for what Kafka does not hold.",
      valueName: "url"))
  var feed: String?
  @Option(
    help: ArgumentHelp(
      "Where events are read: 'store' is the store or the feed; 'kafka' is the topic as far as it still holds them."
    ))
  var source = Source.store
  @OptionGroup var kafka: KafkaOptions
  @OptionGroup var token: TokenOptions
  @OptionGroup var tls: ClientTLSOptions

  func validate() throws {
    if let feed, HTTPEndpoint(feed) == nil {
      throw ValidationError("--feed '\(feed)' is not an http or https URL")
    }
  }

  /// The store's log: its file, or a writer's feed.
  func log(_ files: AdminCommand.DataOptions) async throws -> any EventLog {
    guard let feed else { return try await files.openStore() }
    guard var endpoint = HTTPEndpoint(feed) else {
      throw ValidationError("--feed '\(feed)' is not an http or https URL")
    }
    endpoint.token = try token.presented()?.text
    endpoint.tls = try tls.tls()
    return try await HTTPEventFeed(endpoint)
  }

  /// Kafka, where events are to be read from there.
  func kafkaConfiguration() throws -> KafkaConfiguration? {
    guard source == .kafka else { return nil }
    let configuration = try kafka.configuration()
    try configuration.check()
    return configuration
  }
}

/// Reads the topic, and from the feed what the topic does not hold.
func kafkaSource<Codec: EventCodec>(
  _ kafka: KafkaConfiguration, feed: any EventLog, codec: Codec, readModel: String
) -> ReplaySource<Codec.Event> {
  { checkpoints, partitions, through in
    var options = KafkaSubscription<Codec>.Options(
      group: "\(kafka.topic).\(readModel).replay",
      owner: "replay-\(ProcessInfo.processInfo.processIdentifier)")
    options.range = .init(partitions: partitions, through: through)
    var logger = Logger(label: "replay") { ProcessLogHandler(label: $0) }
    logger.logLevel = .error
    return KafkaSubscription(
      kafka, storeID: feed.storeID, partitionCount: feed.partitionCount, codec: codec,
      checkpoints: checkpoints, feed: feed, options: options, logger: logger)
  }
}
