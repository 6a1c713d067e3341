import Eventually
import EventuallySQLite
import Foundation
import Logging
import NIOCore

/// Where a projector learns which store it serves, and gets the events that Kafka does not hold.
enum FeedSource: Sendable, Equatable {
  /// A writer's HTTP interface.
  case writer(HTTPEndpoint)
  /// The store's file.
  case file(String)

  /// - Parameter token: what the writer asks for.
  init(_ text: String, token: BearerToken?) {
    guard var endpoint = HTTPEndpoint(text) else {
      self = .file(text)
      return
    }
    endpoint.token = token?.text
    self = .writer(endpoint)
  }

  /// The feed, and what store it is of. A writer that does not answer yet, and a store that is not there yet,
  /// are waited for.
  func open(
    logger: Logger
  ) async throws -> (feed: any EventLog, storeID: String, partitions: Partition) {
    switch self {
    case .file(let path):
      let log = try await Self.waiting(for: path, logger: logger) {
        guard FileManager.default.fileExists(atPath: path) else { throw NotThereYet() }
        return try SQLiteEventLog(path: path, readers: 1)
      }
      return (log, log.storeID, log.partitionCount)
    case .writer(let endpoint):
      let store = try await Self.waiting(for: endpoint.base, logger: logger) {
        try await StoreSummary(from: endpoint)
      }
      let feed = HTTPEventFeed(
        endpoint: endpoint, storeID: store.storeID, partitionCount: store.partitionCount)
      return (feed, store.storeID, store.partitionCount)
    }
  }

  private struct NotThereYet: Error, CustomStringConvertible {
    var description: String { "there is no such file" }
  }

  private static func waiting<Result>(
    for name: String, logger: Logger, _ attempt: () async throws -> Result
  ) async throws -> Result {
    var generator = SystemRandomNumberGenerator()
    let retry = RetryPolicy(firstPause: .milliseconds(100), longestPause: .seconds(2))
    var failures = 0
    while true {
      do {
        return try await attempt()
      } catch let error as HTTPFailure where error.status == 401 || error.status == 403 {
        throw Failure("the feed refuses this worker: \(error)")
      } catch {
        // No answer is for good: it may come from a proxy in front of a writer that is starting, or that is overloaded.
        if let error = error as? StoreOpenError, !error.isPassing { throw error }
        try Task.checkCancellation()
        failures += 1
        if failures == 1 || failures % 10 == 0 {
          logger.warning(
            "waiting for the writer", metadata: ["feed": "\(name)", "error": "\(error)"])
        }
        try await Task.sleep(for: retry.pause(afterFailures: failures, using: &generator))
      }
    }
  }
}

extension StoreOpenError {
  /// A writer that is just making the store, or is about to bring it up to date, changes this.
  fileprivate var isPassing: Bool {
    isOne(of: .empty, .older)
  }
}
