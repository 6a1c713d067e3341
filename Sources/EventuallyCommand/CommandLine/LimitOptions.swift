import ArgumentParser
package import EventuallyServer

/// What a server takes before it refuses.
package struct LimitOptions: ParsableArguments {
  package init() {}

  @Option(
    help: ArgumentHelp("Requests that are worked on at a time.", valueName: "count"),
    transform: Whole.init)
  var maxRequests: Whole<1, 1_000_000> = 1024
  @Option(
    help: ArgumentHelp("Connections, at most half of the file descriptors.", valueName: "count"),
    transform: Whole.init)
  var maxConnections: Whole<8, 1_000_000> = 2048
  @Option(
    help: ArgumentHelp("Queries that wait for a token at a time.", valueName: "count"),
    transform: Whole.init)
  var maxWaitingQueries: Whole<0, 1_000_000> = 512
  @Option(
    help: ArgumentHelp("Streams of events that are open at a time.", valueName: "count"),
    transform: Whole.init)
  var maxViewers: Whole<0, 1_000_000> = 64
  @Option(
    help: ArgumentHelp("Viewers of live queries at a time.", valueName: "count"),
    transform: Whole.init)
  var maxLiveViewers: Whole<0, 1_000_000> = 500
  @Option(
    help: ArgumentHelp(
      "Different queries of a read model that are live at a time.", valueName: "count"),
    transform: Whole.init)
  var maxLiveQueries: Whole<0, 1_000_000> = 64
  @Option(
    help: ArgumentHelp(
      "How long at least from one answer of a live query to the next.", valueName: "milliseconds"),
    transform: Whole.init)
  var liveInterval: Whole<10, 3_600_000> = 200
  @Option(help: ArgumentHelp("Bytes of one body.", valueName: "bytes"), transform: Whole.init)
  var maxBody: Whole<1024, 1_073_741_824> = 4_194_304
  @Option(
    help: ArgumentHelp("Bytes of all bodies that are arriving.", valueName: "bytes"),
    transform: Whole.init)
  var maxBodies: Whole<1024, 1_099_511_627_776> = 67_108_864
  @Option(
    help: ArgumentHelp(
      "How long a connection may be idle, or take for a header.", valueName: "seconds"),
    transform: Whole.init)
  var idleLimit: Whole<1, 3600> = 60
  @Option(
    help: ArgumentHelp("How long a body may take to arrive.", valueName: "seconds"),
    transform: Whole.init)
  var bodyLimit: Whole<1, 3600> = 10
  @Option(
    help: ArgumentHelp(
      "How long a client may read nothing of its answer.", valueName: "seconds"),
    transform: Whole.init)
  var readLimit: Whole<1, 3600> = 20
  @Option(
    help: ArgumentHelp(
      "How long a process that stops lets answers be sent.", valueName: "seconds"),
    transform: Whole.init)
  var stopLimit: Whole<0, 3600> = 3

  package var limits: ServerLimits {
    var limits = ServerLimits()
    limits.requests = maxRequests.value
    limits.connections = maxConnections.value
    limits.waitingQueries = maxWaitingQueries.value
    limits.viewers = maxViewers.value
    limits.liveViewers = maxLiveViewers.value
    limits.liveQueries = maxLiveQueries.value
    limits.liveInterval = .milliseconds(Int64(liveInterval.value))
    limits.largestBody = maxBody.value
    limits.bodyBytes = maxBodies.value
    limits.idle = idleLimit.seconds
    limits.body = bodyLimit.seconds
    limits.stalledWrite = readLimit.seconds
    limits.drain = stopLimit.seconds
    return limits
  }
}
