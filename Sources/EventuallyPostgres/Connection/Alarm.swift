import Dispatch
import Eventually

/// Tells that a time has passed, unless it is set anew before.
///
/// To set it costs nothing as a rule: a timer that fires too early is set again then, for the time that is left.
final class Alarm {
  private let timer: any DispatchSourceTimer
  private let clock = ContinuousClock()
  private var deadline: ContinuousClock.Instant?
  /// When the timer fires.
  private var scheduled: ContinuousClock.Instant?

  init(on executor: BlockingExecutor) {
    timer = executor.timer()
    // One that was never resumed must not be let go.
    timer.resume()
  }

  /// - Parameter fired: calls ``fired()`` in the executor, and acts where it says so.
  func start(_ fired: @escaping @Sendable () -> Void) {
    timer.setEventHandler(handler: fired)
  }

  /// Tells after `time`; never where it is `nil`.
  func set(_ time: Duration?) {
    deadline = time.map { clock.now + $0 }
    schedule()
  }

  /// The timer has fired.
  /// - Returns: whether the time has passed.
  func fired() -> Bool {
    scheduled = nil
    guard let deadline else { return false }
    guard clock.now >= deadline else {
      schedule()
      return false
    }
    self.deadline = nil
    return true
  }

  private func schedule() {
    guard let deadline else { return }
    if let scheduled, scheduled <= deadline { return }
    scheduled = deadline
    // Rounded up: it does not go off before.
    let left = max(.zero, deadline - clock.now).milliseconds
    timer.schedule(deadline: .now() + .milliseconds(Int(clamping: left) + 1))
  }

  deinit { timer.cancel() }
}
