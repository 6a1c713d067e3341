import Synchronization

/// A value behind a lock, safe to use from asynchronous functions.
///
/// On Linux, `Mutex` knows its owner by the thread. Where its `withLock` is inlined into an asynchronous function,
/// optimized code (seen with Swift 6.3.1) may carry the thread's identity across a suspension, after which the
/// function runs on another thread, and unlocking traps: "Call to unlock Mutex on a thread which hasn't acquired
/// the lock". Here locking and unlocking stay together in one function that is never inlined.
public struct Locked<Value: ~Copyable>: ~Copyable, Sendable {
  private let mutex: Mutex<Value>

  /// A value behind a lock.
  public init(_ value: consuming sending Value) {
    mutex = Mutex(value)
  }

  /// Calls `body` with the value while nobody else has it. It must not wait for anything.
  @inline(never)
  public func withLock<Result: ~Copyable, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    try mutex.withLock(body)
  }
}
