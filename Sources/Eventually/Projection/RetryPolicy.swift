/// How often and after which pauses something that failed is tried again.
public struct RetryPolicy: Sendable, Hashable {
  /// How many times something is tried in all; at least 1.
  public var attempts: Int
  /// The pause after the first failure; each later pause is twice the one before.
  public var firstPause: Duration
  /// No pause is longer than this.
  public var longestPause: Duration

  /// A policy from its parts.
  public init(
    attempts: Int = 5, firstPause: Duration = .milliseconds(50),
    longestPause: Duration = .seconds(5)
  ) {
    precondition(attempts >= 1, "something is tried at least once")
    self.attempts = attempts
    self.firstPause = firstPause
    self.longestPause = longestPause
  }

  /// The pause after the given number of failures, between half of the full length and all of it, so
  /// that many who failed together do not come back together.
  public func pause(
    afterFailures failures: Int, using generator: inout some RandomNumberGenerator
  ) -> Duration {
    var pause = firstPause
    for _ in 1..<max(2, min(failures, 32)) where failures > 1 && pause < longestPause { pause *= 2 }
    pause = min(pause, longestPause)
    return pause * Double.random(in: 0.5...1, using: &generator)
  }
}
