import ArgumentParser
import Eventually
import EventuallyServer

/// How long a query may take, and what answers it.
struct QueryOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How long a query may read before it is answered 503.", valueName: "seconds"),
    transform: Whole.init)
  var queryLimit: Whole<1, 3600> = 10

  @Option(
    help: ArgumentHelp(
      "A standby of the read models' database that queries are answered from; the database itself where it is left out.",
      discussion: "A query that names a token waits until the standby has what the command led to.",
      valueName: "url"))
  var queryReplica: String?

  var replica: ReadModelLocation? { queryReplica.map { ReadModelLocation($0) } }
  var seconds: Duration { queryLimit.seconds }
}

/// When a worker saves savepoints by itself.
struct SavepointOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Save a savepoint after so many events.", valueName: "count"), transform: Whole.init)
  var savepointEvents: SequenceNumber?
  @Option(
    help: ArgumentHelp(
      "Save a savepoint after so long, where anything was applied.", valueName: "seconds"),
    transform: Whole.init)
  var savepointSeconds: Whole<1, 315_360_000>?
  @Option(
    help: ArgumentHelp(
      "How many of the savepoints that workers saved are kept, the newest.", valueName: "count"),
    transform: Whole.init)
  var keepSavepoints: Whole<1, 1_000_000> = 5

  var policy: SavepointPolicy? {
    guard savepointEvents != nil || savepointSeconds != nil else { return nil }
    return SavepointPolicy(
      events: savepointEvents.map { UInt64($0.value) }, interval: savepointSeconds?.seconds,
      kept: keepSavepoints.value)
  }
}
