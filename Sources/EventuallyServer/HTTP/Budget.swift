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
