/// Decides who gets which connection of a pool, and when one is made. It performs nothing.
///
/// Connections are made when somebody waits for one, up to a number. They are given in the order in which callers came; the one
/// that was given back last is given first, so that what is too many grows old and is closed. Where none can be made, a
/// growing pause passes before the next attempt, and callers wait until their own time is over; unless the first one of all is refused
/// in a way that waiting does not change, such as for a wrong password. Later, when it worked once, somebody may be just changing that.
struct PoolMachine<Instant: Comparable & Sendable> {
  typealias ID = Int

  enum Action: Equatable {
    case connect(ID)
    case give(ID, to: ID)
    case refuse(ID, Refusal)
    case close(ID)
    /// Call ``pauseIsOver()`` after the pause before this attempt, which counts from 1.
    case pause(attempt: Int)
  }

  /// Why a caller gets no connection.
  enum Refusal: Equatable {
    /// His time is over; with why the last attempt to connect failed, if it did.
    case timedOut(PostgresError?)
    case cancelled
    /// None can be made, however long he waits.
    case lasting(PostgresError)
    case closed
  }

  /// Why a caller waits no longer.
  enum Departure {
    case timedOut, cancelled
  }

  let size: Int
  private(set) var connecting: Set<ID> = []
  private var idle: [(id: ID, since: Instant)] = []
  private var used: Set<ID> = []
  private var waiting: [ID] = []
  private var next = 0
  private var failures = 0
  private var lastFailure: PostgresError?
  private var isPausing = false
  private var hasConnected = false
  private var isClosed = false

  init(size: Int) { self.size = size }

  /// How many connections there are, or are being made.
  var count: Int { connecting.count + idle.count + used.count }
  var waitingCount: Int { waiting.count }
  var figures: PoolMetrics.Figures {
    PoolMetrics.Figures(used: used.count, idle: idle.count, waiting: waiting.count)
  }
  /// Why no connection can be made; `nil` where the last attempt did not fail.
  var failure: PostgresError? { lastFailure }

  /// A caller wants a connection.
  mutating func want(_ caller: ID) -> [Action] {
    if isClosed { return [.refuse(caller, .closed)] }
    if let (id, _) = idle.popLast() {
      used.insert(id)
      return [.give(id, to: caller)]
    }
    waiting.append(caller)
    return connectMore()
  }

  /// A caller does not wait any longer. One that has its connection already is not concerned.
  mutating func leave(_ caller: ID, _ departure: Departure) -> [Action] {
    guard let index = waiting.firstIndex(of: caller) else { return [] }
    waiting.remove(at: index)
    switch departure {
    case .timedOut: return [.refuse(caller, .timedOut(lastFailure))]
    case .cancelled: return [.refuse(caller, .cancelled)]
    }
  }

  mutating func connected(_ id: ID, now: Instant) -> [Action] {
    connecting.remove(id)
    if isClosed { return [.close(id)] }
    (failures, lastFailure, hasConnected) = (0, nil, true)
    used.insert(id)
    return giveBack(id, now: now) + connectMore()
  }

  mutating func failedToConnect(_ id: ID, _ error: PostgresError) -> [Action] {
    connecting.remove(id)
    lastFailure = error
    var actions: [Action] = []
    if error.isLasting, !hasConnected {
      actions = waiting.map { .refuse($0, .lasting(error)) }
      waiting.removeAll()
    }
    if isClosed || isPausing { return actions }
    failures += 1
    isPausing = true
    return actions + [.pause(attempt: failures)]
  }

  mutating func pauseIsOver() -> [Action] {
    isPausing = false
    return connectMore()
  }

  /// A caller is done with a connection that works.
  mutating func giveBack(_ id: ID, now: Instant) -> [Action] {
    guard used.remove(id) != nil else { return [] }
    if isClosed { return [.close(id)] }
    guard !waiting.isEmpty else {
      idle.append((id, now))
      return []
    }
    used.insert(id)
    return [.give(id, to: waiting.removeFirst())]
  }

  /// A connection has ended, used or not.
  /// - Parameter caller: whom it was given to, who has not got it and is the first in the line again.
  mutating func lost(_ id: ID, givenTo caller: ID? = nil) -> [Action] {
    used.remove(id)
    idle.removeAll { $0.id == id }
    guard let caller else { return connectMore() }
    if isClosed { return [.refuse(caller, .closed)] }
    if let (id, _) = idle.popLast() {
      used.insert(id)
      return [.give(id, to: caller)]
    }
    waiting.insert(caller, at: 0)
    return connectMore()
  }

  /// Closes connections that nobody has used since then.
  mutating func expire(before time: Instant) -> [Action] {
    let old = idle.filter { $0.since < time }.map(\.id)
    idle.removeAll { $0.since < time }
    return old.map { .close($0) }
  }

  mutating func close() -> [Action] {
    isClosed = true
    defer { (idle, waiting) = ([], []) }
    return idle.map { .close($0.id) } + waiting.map { .refuse($0, .closed) }
  }

  /// While it pauses, none is tried. After a failure one attempt goes on at a time: a server that starts is not stormed.
  private mutating func connectMore() -> [Action] {
    if isPausing || isClosed { return [] }
    var actions: [Action] = []
    while count < size, connecting.count < (failures == 0 ? waiting.count : min(1, waiting.count)) {
      next += 1
      connecting.insert(next)
      actions.append(.connect(next))
    }
    return actions
  }
}
