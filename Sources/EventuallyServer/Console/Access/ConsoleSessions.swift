import Digests

/// The sessions of people who have signed in with a token, and the attempts that failed. It knows neither clock nor chance.
struct ConsoleSessions {
  typealias Instant = ContinuousClock.Instant

  /// What a cookie holds, as a digest: what is looked up tells nobody how near a guess was.
  struct Key: Hashable, Sendable {
    private let words: [UInt8]

    init(_ secret: String) {
      words = Array(SHA256.hash(data: Array(secret.utf8)))
    }
  }

  struct Session: Sendable {
    var token: BearerToken
    /// What requests that change something carry besides the cookie.
    var csrf: String
    fileprivate var begun: Instant
    fileprivate var used: Instant
  }

  /// How long a session lives, and how long without a request.
  static let (longest, idle) = (Duration.seconds(12 * 3600), Duration.seconds(30 * 60))
  /// How many there may be; the one that was used least recently goes.
  static let limit = 1000
  /// How many attempts of one address may fail within a minute.
  static let attempts = 10
  private static let minute = Duration.seconds(60)
  /// How many addresses are remembered.
  private static let addresses = 10_000

  private var sessions: [Key: Session] = [:]
  private var failures: [String: [Instant]] = [:]

  var count: Int { sessions.count }

  mutating func begin(_ key: Key, token: BearerToken, csrf: String, now: Instant) {
    dropEnded(now)
    if sessions.count >= Self.limit,
      let oldest = sessions.min(by: { $0.value.used < $1.value.used })?.key
    {
      sessions[oldest] = nil
    }
    sessions[key] = Session(token: token, csrf: csrf, begun: now, used: now)
  }

  mutating func end(_ key: Key) {
    sessions[key] = nil
  }

  /// The session of a request, which counts as a use of it; `nil` where there is none, or it has ended.
  mutating func use(_ key: Key, now: Instant) -> Session? {
    guard var session = sessions[key] else { return nil }
    guard !Self.hasEnded(session, now) else {
      sessions[key] = nil
      return nil
    }
    session.used = now
    sessions[key] = session
    return session
  }

  private static func hasEnded(_ session: Session, _ now: Instant) -> Bool {
    now - session.begun >= longest || now - session.used >= idle
  }

  private mutating func dropEnded(_ now: Instant) {
    sessions = sessions.filter { !Self.hasEnded($0.value, now) }
  }

  /// Whether an address may try a token: not after too many that failed.
  mutating func mayTry(from address: String, now: Instant) -> Bool {
    failures[address]?.removeAll { now - $0 >= Self.minute }
    return (failures[address]?.count ?? 0) < Self.attempts
  }

  /// An attempt has failed.
  mutating func failed(from address: String, now: Instant) {
    if failures[address] == nil, failures.count >= Self.addresses {
      failures = failures.filter { $0.value.contains { now - $0 < Self.minute } }
      // As many addresses at once are no people: none of them is remembered for longer than until here.
      if failures.count >= Self.addresses { failures = [:] }
    }
    failures[address, default: []].append(now)
  }
}
