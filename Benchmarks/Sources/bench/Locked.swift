import Synchronization

/// A value behind a lock. Locking and unlocking stay in one function: `Mutex.withLock`, inlined into an asynchronous function,
/// may unlock on another thread, which traps (Swift 6.3.1 on Linux).
struct Locked<Value: ~Copyable>: ~Copyable, Sendable {
  private let mutex: Mutex<Value>

  init(_ value: consuming sending Value) { mutex = Mutex(value) }

  @inline(never)
  func withLock<Result: ~Copyable, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    try mutex.withLock(body)
  }
}
