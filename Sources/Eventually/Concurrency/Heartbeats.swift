/// Knows which of a process's long-running loops are alive.
///
/// A loop that works says so again and again, and one that waits for work says that it is idle. A loop that has
/// said nothing for longer than its limit, while it was working, is late: something holds it up that it does not
/// know of itself.
public final class Heartbeats: Sendable {
  /// What a loop has said last.
  public struct Loop: Sendable, Hashable {
    /// What a loop does.
    public enum Activity: String, Sendable, Hashable {
      /// It works, and is late when it does not say so in time.
      case working
      /// It waits for work, for as long as that takes.
      case idle
    }

    /// The loop's name.
    public var name: String
    /// What it does.
    public var activity: Activity
    /// How long ago it said so.
    public var age: Duration
    /// How long it may work without saying so.
    public var limit: Duration

    /// Whether it has said nothing for too long.
    public var isLate: Bool { activity == .working && age > limit }
  }

  private struct Entry {
    var activity: Loop.Activity
    var instant: ContinuousClock.Instant
    var limit: Duration
  }

  private let entries = Locked<[String: Entry]>([:])
  private let limit: Duration

  /// Heartbeats of loops that may work for `limit` without a sign of life.
  public init(limit: Duration = .seconds(30)) {
    self.limit = limit
  }

  /// The heartbeat of a loop, which is idle at first.
  /// - Parameters:
  ///   - name: the loop's name.
  ///   - factor: for a loop with longer steps than others, how many times the limit it may take.
  public func loop(_ name: String, factor: Int = 1) -> Heartbeat {
    let heartbeat = Heartbeat(name: name, limit: limit * factor, owner: self)
    heartbeat.idle()
    return heartbeat
  }

  fileprivate func say(_ name: String, _ activity: Loop.Activity, limit: Duration) {
    let entry = Entry(activity: activity, instant: .now, limit: limit)
    entries.withLock { $0[name] = entry }
  }

  fileprivate func forget(_ name: String) {
    entries.withLock { $0[name] = nil }
  }

  /// All loops, by name.
  public func loops(at now: ContinuousClock.Instant = .now) -> [Loop] {
    entries.withLock { entries in
      entries.map { name, entry in
        Loop(
          name: name, activity: entry.activity, age: now - entry.instant, limit: entry.limit)
      }
    }.sorted { $0.name < $1.name }
  }
}

/// How one loop tells that it is alive.
public struct Heartbeat: Sendable {
  fileprivate let name: String
  fileprivate let limit: Duration
  fileprivate let owner: Heartbeats

  /// The loop works.
  public func beat() { owner.say(name, .working, limit: limit) }
  /// The loop waits for work.
  public func idle() { owner.say(name, .idle, limit: limit) }
  /// The loop has ended, as it should.
  public func ended() { owner.forget(name) }
}
