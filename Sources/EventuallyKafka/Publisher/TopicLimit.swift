import Eventually
import Logging

/// Asks how large a record a topic takes: a call that blocks, on a thread of its own.
actor TopicLimit {
  private let executor = BlockingExecutor(label: "kafka.publisher.limit")
  private let configuration: KafkaConfiguration
  private let logger: Logger

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(_ configuration: KafkaConfiguration, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
  }

  /// What the brokers say, within ten seconds, and no more than the producer takes.
  func bytes() throws -> Int {
    let client = try ProducerClient(configuration, logger: logger)
    let text = try client.topicSetting("max.message.bytes", timeout: 10_000)
    guard let bytes = Int(text), bytes > 0 else {
      throw KafkaError(
        code: 0, message: "'\(text)' is no number of bytes", isRetriable: false,
        operation: "ask for the topic's limit")
    }
    return min(bytes, ProducerClient.largestRecord)
  }

  /// Sets a limit to what the brokers say, again and again until the task is cancelled. Where they do not say it, the limit stays.
  static func follow(
    _ configuration: KafkaConfiguration, setting limit: RecordLimit, logger: Logger
  ) async {
    while !Task.isCancelled {
      // Whoever stops the publisher does not wait for the call, which can't be broken off.
      let isDone = PositionSignal(at: 0)
      Task {
        defer { isDone.advance(to: 1) }
        do {
          let bytes = try await TopicLimit(configuration, logger: logger).bytes()
          guard bytes != limit.bytes else { return }
          limit.set(bytes)
          logger.info("the topic takes records of this size", metadata: ["bytes": "\(bytes)"])
        } catch {
          logger.debug("the topic's limit is not known", metadata: ["error": "\(error)"])
        }
      }
      await isDone.wait(past: 0)
      // A cancelled pause ends the loop by its condition.
      try? await Task.sleep(for: .seconds(300))
    }
  }
}
