/// What a server takes before it refuses. The article *Limits* lists them with their options.
public struct ServerLimits: Sendable {
  /// Requests that have arrived as a whole and whose answers are not made yet; where an answer has more than 64 KiB, of which more
  /// than 128 KiB are still to be sent. Health, readiness and metrics do not count, and are answered beyond it.
  public var requests = 1024
  /// Queries that wait for a consistency token.
  public var waitingQueries = 512
  /// Streams of events that are open.
  public var viewers = 64
  /// Pages of the console that are open.
  public var consoleViewers = 500
  /// Viewers of live queries.
  public var liveViewers = 500
  /// Different queries of a read model that are live.
  public var liveQueries = 64
  /// How long at least from one answer of a live query to the next.
  public var liveInterval = Duration.milliseconds(200)
  /// Bytes of one body.
  public var largestBody = 4 << 20
  /// Bytes of bodies that are arriving or being worked on, of all connections together.
  public var bodyBytes = 64 << 20
  /// Connections, at most half of the descriptors that the process may have. Beyond seven eighths of it, the one that has been without a complete request for longest is closed for
  /// each new one.
  public var connections = 2048
  /// How long a connection may be idle, or take for a request's header.
  public var idle = Duration.seconds(60)
  /// How long the TLS handshake of a connection may take.
  public var handshake = Duration.seconds(10)
  /// How long a body may take to arrive.
  public var body = Duration.seconds(10)
  /// How long a client may read nothing of an answer that waits to be sent.
  public var stalledWrite = Duration.seconds(20)
  /// How long a server that is told to stop waits for answers to be finished and sent.
  public var drain = Duration.seconds(3)

  /// The defaults.
  public init() {}
}
