import Dispatch
import Eventually
import Logging
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How much more a process logs than it was started with: changed by signals, for all of its loggers at once.
final class LogVerbosity: Sendable {
  /// That of this process.
  static let shared = LogVerbosity()

  private let steps = Atomic(0)

  /// The level in place of the one that was asked for.
  func level(_ configured: Logger.Level) -> Logger.Level {
    let levels = Logger.Level.allCases
    guard let index = levels.firstIndex(of: configured) else { return configured }
    return levels[max(0, index - steps.load(ordering: .relaxed))]
  }

  /// Logs one level more, as far as there are any.
  func raise() {
    let most = Logger.Level.allCases.count
    if steps.load(ordering: .relaxed) < most { steps.add(1, ordering: .relaxed) }
  }

  /// Logs what was asked for again.
  func reset() { steps.store(0, ordering: .relaxed) }

  /// SIGUSR1 raises, SIGUSR2 resets, until the result is let go.
  static func followSignals(_ logger: Logger) -> [any DispatchSourceSignal] {
    let queue = DispatchQueue(label: "log-verbosity")
    return [SIGUSR1, SIGUSR2].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler {
        if number == SIGUSR1 { shared.raise() } else { shared.reset() }
        // Whoever changes it sees that, whatever it is.
        let level = logger.logLevel
        logger.log(level: max(level, .notice), "the log level is \(level)")
      }
      source.resume()
      return source
    }
  }
}
