/// Whether an interface has the console, and what that may open besides what its process has already.
public struct ConsoleOptions: Sendable {
  /// Whether there is one.
  public var isServed = true
  /// The store, for a process that has only a writer's feed.
  public var store: StoreLocation?
  /// The read models, for a process that has none.
  public var readModels: ReadModelLocation?
  var masking = Masking()
  /// How long a question may take.
  var questionLimit = Duration.seconds(2)

  /// The defaults.
  public init() {}

  /// Hides members of events and states, and columns of read models, from readers without the role `administer`.
  ///
  /// A member's path is meant wherever it is in a payload or a state, below other members and in lists too. What is hidden here can be read
  /// elsewhere by whoever has a token of the role `read`: from the event feed, and by queries that tell it.
  /// - Parameters:
  ///   - members: each as `category.member.path`; of an aggregate without a category, its name in lower case comes first.
  ///   - columns: each as `table.column`.
  ///   - application: whose events and read models are meant.
  /// - Throws: ``ApplicationError`` where the application has no such category, table or column.
  public mutating func mask(
    members: [String], columns: [String], of application: ApplicationModel
  ) throws(ApplicationError) {
    masking = try Masking(members: members, columns: columns, of: application)
  }
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
  /// The brokers and the topic that a worker takes events from.
  var bus: (brokers: String, topic: String)?
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
