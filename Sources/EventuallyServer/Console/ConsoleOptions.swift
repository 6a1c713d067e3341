/// Whether an interface has the console, and what that may open besides what its process has already.
public struct ConsoleOptions: Sendable {
  /// Whether there is one.
  public var isServed = true
  /// The store, for a process that has only a writer's feed.
  public var store: StoreLocation?
  /// The read models, for a process that has none.
  public var readModels: ReadModelLocation?

  /// The defaults.
  public init() {}
}

/// What a process gives its console.
struct ConsoleParts: Sendable {
  var application: ApplicationModel
  var process: ConsoleProcess
  /// The writer that this process is.
  var writer: Writer?
  /// Where the events are that a worker is built from.
  var feed: FeedSource?
  /// The read models that this process has.
  var readModels: ReadModelLocation?
  /// The worker that this process is.
  var worker: (@Sendable () -> RunningWorker?)?
}

/// A process, as the console names it.
struct ConsoleProcess: Sendable {
  /// What it is: `writer`.
  var kind: String
  /// What it is called in leases and logs.
  var name: String
}
