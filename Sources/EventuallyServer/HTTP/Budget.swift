import Eventually

/// An amount of something that is in use, and its limit. Nobody waits for it: what does not fit is refused.
final class Budget: Sendable {
  let limit: Int
  private let used = Locked(0)

  init(_ limit: Int) {
    self.limit = limit
  }

  /// How much is in use.
  var inUse: Int { used.withLock { $0 } }

  /// A share of one; `nil` where nothing is left.
  func share() -> Share? {
    let share = Share(of: self)
    return share.grow(by: 1) ? share : nil
  }

  /// What one user has of a budget. It is given back with the last reference, so that no path loses it.
  final class Share: Sendable {
    private let budget: Budget
    private let amount = Locked(0)

    init(of budget: Budget) {
      self.budget = budget
    }

    deinit {
      let amount = amount.withLock { $0 }
      budget.used.withLock { $0 -= amount }
    }

    /// Takes more.
    /// - Returns: whether so much was left; nothing is taken otherwise.
    func grow(by more: Int) -> Bool {
      let fits = budget.used.withLock { used in
        guard more <= budget.limit - used else { return false }
        used += more
        return true
      }
      if fits { amount.withLock { $0 += more } }
      return fits
    }
  }
}

/// What a server takes before it refuses.
public struct ServerLimits: Sendable {
  /// Requests that have arrived as a whole and whose answers are not made yet; where an answer has more than 64 KiB, of which more
  /// than 128 KiB are still to be sent. Health, readiness and metrics do not count, and are answered beyond it.
  public var requests = 1024
  /// Queries that wait for a consistency token.
  public var waitingQueries = 512
  /// Bytes of bodies that are arriving or being worked on, of all connections together.
  public var bodyBytes = 64 << 20
  /// Connections, at most half of the descriptors that the process may have. Beyond seven eighths of it, the one that has been without a complete request for longest is closed for
  /// each new one.
  public var connections = 2048
  /// How long a connection may be idle, or take for a request's header.
  public var idle = Duration.seconds(60)
  /// How long a body may take to arrive.
  public var body = Duration.seconds(10)
  /// How long a client may read nothing of an answer that waits to be sent.
  public var stalledWrite = Duration.seconds(20)
  /// How long a server that is told to stop waits for answers to be finished and sent.
  public var drain = Duration.seconds(3)

  /// The defaults.
  public init() {}
}
