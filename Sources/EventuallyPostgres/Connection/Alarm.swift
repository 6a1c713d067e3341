import Dispatch
import Eventually

/// Tells that a time has passed, unless it is set anew before.
final class Alarm {
  private let timer: any DispatchSourceTimer

  init(on executor: BlockingExecutor) {
    timer = executor.timer()
    // One that was never resumed must not be let go.
    timer.resume()
  }

  func start(_ passed: @escaping @Sendable () -> Void) {
    timer.setEventHandler(handler: passed)
  }

  /// Tells after `time`; never where it is `nil`.
  func set(_ time: Duration?) {
    guard let time else {
      timer.schedule(deadline: .distantFuture)
      return
    }
    timer.schedule(deadline: .now() + .milliseconds(Int(clamping: time.milliseconds)))
  }

  deinit { timer.cancel() }
}
