/// Decides which requests share a transaction. It does no work itself.
///
/// Requests that come while a transaction is being committed wait, and the next transaction takes as many of
/// them as its limit allows, in the order in which they came. Without load, a request is committed at once.
package struct GroupCommit<Request> {
  /// At most this much weight goes into one transaction, unless a single request weighs more.
  package let limit: Int
  /// While this much weight waits, nothing more is taken in.
  package let capacity: Int
  private var waitingWeight = 0
  private var waiting: [(request: Request, weight: Int)] = []
  /// How many of `waiting`, from the front, have been handed out.
  private var taken = 0
  private var isRunning = false

  package init(limit: Int, capacity: Int = .max) {
    self.limit = limit
    self.capacity = capacity
  }

  /// How many requests wait for a transaction.
  package var count: Int { waiting.count - taken }

  package enum SubmitAction: Equatable {
    /// Nobody commits at the moment: call ``next()`` until it gives nothing.
    case startCommitting
    /// Whoever commits will take the request.
    case wait
    /// Too much waits already: the request was not taken in.
    case refuse
  }

  /// Takes in a request of a weight, its number of events. One without weight is never refused.
  package mutating func submit(_ request: Request, weight: Int) -> SubmitAction {
    if weight > 0, waitingWeight > 0, weight > capacity - waitingWeight { return .refuse }
    waitingWeight += weight
    waiting.append((request, weight))
    if isRunning { return .wait }
    isRunning = true
    return .startCommitting
  }

  /// The requests of the next transaction; none where all are done, after which the next request starts
  /// committing anew.
  package mutating func next() -> [Request] {
    guard taken < waiting.count else {
      waiting.removeAll(keepingCapacity: true)
      taken = 0
      isRunning = false
      return []
    }
    var batch: [Request] = []
    var weight = 0
    while taken < waiting.count {
      let candidate = waiting[taken]
      if !batch.isEmpty && weight + candidate.weight > limit { break }
      batch.append(candidate.request)
      weight += candidate.weight
      taken += 1
    }
    waitingWeight -= weight
    if taken > 1024 && taken * 2 > waiting.count {
      waiting.removeFirst(taken)
      taken = 0
    }
    return batch
  }
}
