import ArgumentParser
import Eventually
import EventuallyCommand
import EventuallyKafka
import EventuallyServer
import Logging
import ServiceLifecycle

/// How orders get to a store, for commands that bring many.
struct TargetOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Send commands to the writer there. Without it, this process is the store's writer itself.",
      valueName: "http://host:port"))
  var url: HTTPEndpoint?
  @OptionGroup var tls: ClientTLSOptions

  @Option(
    help: ArgumentHelp(
      "How long to wait, at the end, for Kafka to have everything; without --url.",
      valueName: "seconds"), transform: Whole.init)
  var publishTimeout: Seconds = 60

  /// Runs `work` with a sink: a running writer, or one that this process is for as long.
  func withSink(
    _ options: WriterOptions, logger: Logger,
    _ work: @escaping @Sendable (any OrderSink) async throws -> Void
  ) async throws {
    if var endpoint = url {
      endpoint.token = try options.token.presented()?.text
      endpoint.tls = try tls.tls()
      try await runServices([], logger: logger) { [endpoint] in
        let contact = WriterContactLog(logger)
        let reporting = Task { await contact.run() }
        defer { reporting.cancel() }
        let sink = WriterSink(endpoint: endpoint, contact: contact)
        try await sink.check()
        try await work(sink)
      }
      return
    }
    let writer = try await options.writer(logger: logger)
    let services = [writer, try options.server(of: writer, logger: logger)] as [any Service]
    try await runServices(services, logger: logger) { [publishTimeout] in
      try await work(StoreSink(writer))
      let left = try await writer.waitUntilPublished(atMost: publishTimeout.seconds)
      guard left > 0 else { return }
      let status = writer.publisher.status
      throw Failure(
        "everything is in the store, but \(grouped(left)) events are "
          + "not published after \(publishTimeout) s "
          + "(\(status.failure ?? status.phase.rawValue)): the next writer on this store publishes "
          + "them")
    }
  }
}
