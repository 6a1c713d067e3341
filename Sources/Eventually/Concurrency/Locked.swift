#if THREAD_SANITIZER
  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Musl)
    import Musl
  #elseif canImport(Darwin)
    import Darwin
  #endif
#else
  package import Synchronization
#endif

/// A value behind a lock, safe to use from asynchronous functions. It is `Mutex`, but for two things.
///
/// - On Linux, `Mutex` knows its owner by the thread. Where its `withLock` is inlined into an asynchronous function,
///   optimized code of this package (Swift 6.3.1) carried the thread's identity across a suspension, after which the
///   function runs on another thread, and unlocking traps: "Call to unlock Mutex on a thread which hasn't acquired
///   the lock". Small programs do not show it. Here locking and unlocking stay together in one function that is never
///   inlined; it is specialized for its callers, though, for whom the generic one costs more than the lock.
/// - The thread sanitizer does not know `Mutex`; see `PlatformMutex`.
package struct Locked<Value: ~Copyable>: ~Copyable, Sendable {
  #if THREAD_SANITIZER
    @usableFromInline let mutex: PlatformMutex<Value>
  #else
    @usableFromInline let mutex: Mutex<Value>
  #endif

  /// A value behind a lock.
  @inlinable
  package init(_ value: consuming sending Value) {
    #if THREAD_SANITIZER
      mutex = PlatformMutex(value)
    #else
      mutex = Mutex(value)
    #endif
  }

  /// Calls `body` with the value while nobody else has it. It must not wait for anything.
  @inlinable @inline(never)
  package func withLock<Result: ~Copyable, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    try mutex.withLock(body)
  }
}

#if THREAD_SANITIZER
  /// A lock that the thread sanitizer knows: it does not see through `Mutex` on Linux, which is made of atomics and
  /// system calls in a library that is not built for it, and would call every use of a locked value a race.
  ///
  /// `@unchecked Sendable`: the value is only touched between locking and unlocking.
  @usableFromInline
  final class PlatformMutex<Value: ~Copyable>: @unchecked Sendable {
    private let handle: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    @usableFromInline
    init(_ value: consuming sending Value) {
      self.value = value
      handle = .allocate(capacity: 1)
      handle.initialize(to: pthread_mutex_t())
      pthread_mutex_init(handle, nil)
    }

    deinit {
      pthread_mutex_destroy(handle)
      handle.deallocate()
    }

    @usableFromInline
    func withLock<Result: ~Copyable, Failure: Error>(
      _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
      pthread_mutex_lock(handle)
      defer { pthread_mutex_unlock(handle) }
      return try body(&value)
    }
  }
#endif
