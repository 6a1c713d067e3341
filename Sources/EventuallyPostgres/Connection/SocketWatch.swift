import Dispatch
import Eventually

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Tells when a socket can be read or written.
///
/// It watches a duplicate of the descriptor: libpq closes its own whenever it likes, as where it tries the next host, and a
/// descriptor that is watched must not be closed before the watching has ended.
final class SocketWatch {
  let socket: Int32
  private let duplicate: Int32
  private let reading: any DispatchSourceRead
  private let writing: any DispatchSourceWrite
  private var watches = (reading: false, writing: false)

  init?(_ socket: Int32, on executor: BlockingExecutor, _ ready: @escaping @Sendable () -> Void) {
    duplicate = dup(socket)
    guard duplicate >= 0 else { return nil }
    self.socket = socket
    reading = executor.readSource(duplicate)
    writing = executor.writeSource(duplicate)
    reading.setEventHandler(handler: ready)
    writing.setEventHandler(handler: ready)
    // Both have to have ended before the descriptor is closed.
    let closing = CloseOnce(duplicate)
    reading.setCancelHandler { closing.oneHasEnded() }
    writing.setCancelHandler { closing.oneHasEnded() }
  }

  func watch(reading isReading: Bool, writing isWriting: Bool) {
    if isReading != watches.reading { isReading ? reading.resume() : reading.suspend() }
    if isWriting != watches.writing { isWriting ? writing.resume() : writing.suspend() }
    watches = (isReading, isWriting)
  }

  deinit {
    reading.cancel()
    writing.cancel()
    // One that is suspended never ends.
    if !watches.reading { reading.resume() }
    if !watches.writing { writing.resume() }
  }
}

/// Closes a descriptor when two have told that they are done with it.
private final class CloseOnce: Sendable {
  private let descriptor: Int32
  private let ended = Locked(0)

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  func oneHasEnded() {
    let isLast = ended.withLock { ended in
      ended += 1
      return ended == 2
    }
    if isLast { close(descriptor) }
  }
}
