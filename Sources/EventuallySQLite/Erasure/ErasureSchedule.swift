/// Decides when a store's log is emptied after removals. It does no work itself.
///
/// While readers keep the log from being emptied, attempts follow each other with growing pauses; a further removal is
/// tried at once.
struct ErasureSchedule {
  enum Action: Equatable {
    /// Empty the log: what was committed up to a removal is erased then.
    case attempt(through: UInt64)
    /// Ask again after a pause.
    case wait(Duration)
    /// Nothing is pending.
    case rest
  }

  /// The first pauses are as short as what other readers and the writer do at most times.
  static let pauses: [Duration] = [2, 5, 10, 20, 50, 100, 200, 500].map { .milliseconds($0) }
  static let longestPause = Duration.seconds(1)

  /// The sequence number of the newest removal.
  private(set) var newest: UInt64
  /// Everything up to this sequence number is erased.
  private(set) var erased: UInt64
  /// How many attempts were in vain since the last one that was not.
  private(set) var failures = 0
  /// Removals up to this one have been tried since they came.
  private var tried: UInt64
  private var isRunning = false

  /// - Parameters:
  ///   - erased: nothing is pending up to this sequence number.
  ///   - newest: the newest removal that is pending; `nil` for none.
  init(erased: UInt64, newest: UInt64? = nil) {
    self.erased = erased
    self.newest = max(newest ?? 0, erased)
    tried = erased
  }

  var isPending: Bool { newest > erased }

  /// A removal is committed, or was found to be pending.
  /// - Returns: whether somebody has to ask ``next()`` from now on, until it says `rest`.
  mutating func removed(at sequence: UInt64) -> Bool {
    newest = max(newest, sequence)
    return start()
  }

  /// - Returns: whether somebody has to ask ``next()`` from now on, until it says `rest`.
  mutating func start() -> Bool {
    guard isPending, !isRunning else { return false }
    isRunning = true
    return true
  }

  /// What is to be done now.
  mutating func next() -> Action {
    guard isPending else {
      isRunning = false
      return .rest
    }
    tried = newest
    return .attempt(through: newest)
  }

  /// The log was emptied after everything up to `sequence` had been committed, and that is noted.
  mutating func emptied(through sequence: UInt64) -> Action {
    erased = max(erased, sequence)
    failures = 0
    return isPending ? .wait(.zero) : next()
  }

  /// An attempt was in vain.
  mutating func failed() -> Action {
    let pause = failures < Self.pauses.count ? Self.pauses[failures] : Self.longestPause
    failures += 1
    // One that came meanwhile is not to wait because others do.
    return .wait(newest > tried ? .zero : pause)
  }
}
