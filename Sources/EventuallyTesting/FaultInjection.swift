import Eventually

/// Makes a process fail at chosen points, as the environment variable `EVENTUALLY_FAULTS` says.
///
/// The library's points can kill, stop or hang their process. A program ignores the variable unless it calls ``enable()``,
/// for which it has to depend on this product: a release build of an application usually does not.
///
/// ```swift
/// #if DEBUG
///   import EventuallyTesting
/// #endif
///
/// @main struct Bank {
///   static func main() async throws {
///     #if DEBUG
///       FaultInjection.enable()
///     #endif
///     …
///   }
/// }
/// ```
///
/// `EVENTUALLY_FAULTS=store.committed=kill@3` then kills the process when it has committed for the third time, before anybody is
/// told; the application's command `faults` lists the points and what may happen there.
public enum FaultInjection {
  /// Has this process do what the variable says, from here on. Call it first; there is no way back.
  public static func enable() { FaultPlan.enable() }
}
