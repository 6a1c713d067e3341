public import Eventually
public import Logging

/// Where a worker learns which store it serves, and gets the events that Kafka does not hold.
public enum FeedSource: Sendable, Hashable {
  /// A writer's HTTP interface.
  case writer(HTTPEndpoint)
  /// The store itself.
  case store(StoreLocation)

  /// The store's file.
  public static func file(_ path: String) -> FeedSource { .store(.file(path)) }

  /// A writer's URL, or else where the store is.
  /// - Parameters:
  ///   - text: a writer's URL, or a store's, or a path.
  ///   - token: what the writer asks for.
  ///   - tls: what an `https://` URL is asked with.
  public init(_ text: String, token: BearerToken? = nil, tls: ClientTLS? = nil) {
    guard var endpoint = HTTPEndpoint(text) else {
      self = .store(StoreLocation(text))
      return
    }
    endpoint.token = token?.text
    endpoint.tls = tls
    self = .writer(endpoint)
  }

  /// The feed. A writer that does not answer yet, and a store that is not there yet, are waited for.
  public func open(logger: Logger) async throws -> any EventLog {
    switch self {
    case .store(let location):
      try await waiting(logger) {
        guard location.mayExist else { throw NotThereYet() }
        return try await location.openForReading(readers: 1, isWhole: true)
      }
    case .writer(let endpoint):
      try await waiting(logger) {
        try await HTTPEventFeed(endpoint)
      }
    }
  }

  private struct NotThereYet: Error, CustomStringConvertible {
    var description: String { "there is no such file" }
  }

  /// What is waited for until the feed answers.
  var waitingReason: String {
    switch self {
    case .writer(let endpoint):
      "waiting for the writer at \(endpoint.base), to learn which store this is: --feed says where the writer is"
    case .store(let location):
      "waiting for the store \(location), to learn which store this is: --feed says where it is"
    }
  }

  private func waiting<Result>(
    _ logger: Logger, _ attempt: () async throws -> Result
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
          logger.warning("\(waitingReason)", metadata: ["error": "\(error)"])
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
