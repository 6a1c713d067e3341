import CoreMetrics
import Eventually
import Logging
import NIOPosix

/// A value that is made of files, and made anew when they change. While what they hold can't be used, the value from before is in force;
/// that is an error in the log, once, and a gauge; what can't be read is tried again.
final class FollowedFiles<Value: Sendable>: Sendable {
  private struct State: Sendable {
    var value: Value
    var watch: FileWatch<FileStamp>
    /// Why the value from before is in force.
    var problem: String?
    /// `nil` while they are looked at: on a disk that hangs, that may take for ever.
    var nextCheck: ContinuousClock.Instant? = .now + .seconds(1)
  }

  /// What the files hold, for logs: `tokens`.
  private let content: String
  private let paths: [String]
  private let logger: Logger
  private let gauge: Gauge?
  private let read: @Sendable () throws(Failure) -> Value
  private let state: Locked<State>

  /// Reads files for the first time.
  /// - Parameters:
  ///   - content: what they hold, for logs.
  ///   - paths: the files that are followed.
  ///   - read: makes the value of what is in them now.
  init(
    _ content: String, in paths: [String], logger: Logger,
    read: @escaping @Sendable () throws(Failure) -> Value
  ) throws(Failure) {
    self.content = content
    self.paths = paths
    self.logger = logger
    self.read = read
    let stamps = paths.map { FileStamp(path: $0) }
    state = Locked(State(value: try read(), watch: FileWatch(known: stamps)))
    gauge = Gauge(label: MetricName.reloadFailed, dimensions: [("content", content)])
    gauge?.record(0)
  }

  /// A value that stays as it is.
  init(constant value: Value) {
    content = ""
    paths = []
    logger = Logger(label: "") { _ in SwiftLogNoOpLogHandler() }
    gauge = nil
    read = { () throws(Failure) in value }
    state = Locked(State(value: value, watch: FileWatch(known: [])))
  }

  /// What the files held when they last could be used.
  var current: Value { state.withLock { $0.value } }

  /// Looks at the files each second, until it is cancelled.
  func follow() async {
    guard !paths.isEmpty else { return }
    while !Task.isCancelled {
      do {
        try await Task.sleep(for: .seconds(1))
        await refresh()
      } catch {
        return
      }
    }
  }

  /// Looks at the files, at most once a second.
  func refresh() async {
    let isDue = state.withLock { state in
      guard !paths.isEmpty, let next = state.nextCheck, next <= .now else { return false }
      state.nextCheck = nil
      return true
    }
    // Whoever comes meanwhile goes on with what is in force.
    guard isDue else { return }
    // The loop of `follow` may wake a little early.
    defer { state.withLock { $0.nextCheck = .now + .milliseconds(900) } }
    do {
      // Files may be on a slow disk.
      try await NIOThreadPool.singleton.runIfActive { self.check() }
    } catch {
      logger.debug("\(content) could not be looked at", metadata: ["error": "\(error)"])
    }
  }

  /// Looks at the files now, on the caller's thread.
  func check() {
    let stamps = paths.map { FileStamp(path: $0) }
    switch state.withLock({ $0.watch.check(stamps) }) {
    case .nothing: break
    case .missing(let index): keep("the file \(paths[index]) is gone, or can't be reached")
    case .read:
      do throws(Failure) {
        let value = try read()
        state.withLock { state in
          state.value = value
          state.problem = nil
        }
        gauge?.record(0)
        logger.notice("\(content): the changed files are in force", metadata: place)
      } catch {
        state.withLock { $0.watch.failed() }
        keep(error.description)
      }
    }
  }

  private func keep(_ reason: String) {
    gauge?.record(1)
    let isNew = state.withLock { state in
      defer { state.problem = reason }
      return state.problem != reason
    }
    guard isNew else { return }
    logger.error(
      "\(content): the changed files can't be used, and what was read before stays in force",
      metadata: place.merging(["reason": "\(reason)"]) { $1 })
  }

  private var place: Logger.Metadata { ["files": "\(paths.joined(separator: ", "))"] }
}
