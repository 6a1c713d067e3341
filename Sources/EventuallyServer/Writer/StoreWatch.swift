import Eventually
import Logging
import ServiceLifecycle

/// Decides what is logged of a store that can't be written: once when that begins, and once when it ends.
struct StoreFailureLog {
  enum Change: Equatable {
    case began(String)
    case ended
  }

  private var isFailing = false

  /// - Parameter failure: why the store can't be written; `nil` where it can.
  mutating func found(_ failure: String?) -> Change? {
    defer { isFailing = failure != nil }
    switch (isFailing, failure) {
    case (false, let failure?): return .began(failure)
    case (true, nil): return .ended
    case (true, _?), (false, nil): return nil
    }
  }
}

/// Logs when a store can't be written any more, and when it can again.
struct StoreWatch: Sendable {
  private let store: ApplicationStore
  private let logger: Logger

  init(_ store: ApplicationStore, _ logger: Logger) {
    self.store = store
    self.logger = logger
  }

  /// Looks once a second, until it is told to stop. While nothing fails that asks the store nothing.
  func run() async {
    await cancelWhenGracefulShutdown {
      var log = StoreFailureLog()
      while !Task.isCancelled {
        switch log.found(await store.writeFailure()) {
        case .began(let failure):
          logger.error(
            "the store can't be written: commands are refused until it can",
            metadata: ["error": "\(failure)"])
        case .ended: logger.notice("the store can be written again")
        case nil: break
        }
        // A cancelled pause ends the loop by its condition.
        try? await Task.sleep(for: .seconds(1))
      }
    }
  }
}
