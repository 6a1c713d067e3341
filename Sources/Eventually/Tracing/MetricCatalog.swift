/// What a metric of ``MetricName`` tells: for exporters that say so, and for the article that lists them.
package struct MetricDescription: Sendable {
  /// How values of a metric come about.
  package enum Kind: String, Sendable {
    case counter, gauge, histogram
  }

  package var name: String
  package var kind: Kind
  package var unit: String
  /// All that it may have; some are there only where they apply.
  package var labels: [String]
  package var help: String

  fileprivate init(
    _ name: String, _ kind: Kind, _ unit: String, _ labels: [String], _ help: String
  ) {
    self.name = name
    self.kind = kind
    self.unit = unit
    self.labels = labels
    self.help = help
  }

  fileprivate init(_ name: String, _ kind: Kind, _ unit: String, _ help: String) {
    self.init(name, kind, unit, [], help)
  }
}

extension MetricName {
  /// All metrics, by what they are of.
  package static let catalog: [(part: String, metrics: [MetricDescription])] = [
    ("The store", store), ("The publisher", publisher), ("Workers", workers),
    ("Databases", databases), ("Requests and queries", requests), ("Processes", processes),
  ]

  /// What each metric tells, by its name.
  package static let descriptions: [String: MetricDescription] = Dictionary(
    catalog.flatMap(\.metrics).map { ($0.name, $0) }, uniquingKeysWith: { $1 })

  private static let store: [MetricDescription] = [
    .init(appends, .counter, "appends", "Appends that were carried out"),
    .init(appendedEvents, .counter, "events", "Events that were appended"),
    .init(
      conflicts, .counter, "appends",
      "Appends that were refused because the stream was at another version"),
    .init(
      repeatedRequests, .counter, "requests",
      "Requests that had been carried out before under the same idempotency key"),
    .init(
      reusedKeys, .counter, "requests",
      "Requests that were refused because another request had had the same idempotency key"),
    .init(appendSeconds, .histogram, "seconds", "How long an append takes its caller"),
    .init(
      commitRequests, .histogram, "requests", "How many requests share a transaction of the store"),
    .init(
      pendingErasures, .gauge, "streams",
      "Removed streams whose events may still be in the store's write-ahead log"),
    .init(
      storeHead, .gauge, "offset", ["store", "partition"],
      "The last partition offset of a partition of the store"),
    .init(
      storeUnwritable, .gauge, "0 or 1", ["store"],
      "1 while the store can't be written, because its disk is full for example; else 0"),
    .init(
      storeDiskSize, .gauge, "bytes", ["store"],
      "The size of the file system that the store's file is on, in bytes"),
    .init(
      storeDiskFree, .gauge, "bytes", ["store"],
      "How much of the store's file system is free, in bytes"),
  ]

  private static let topic = [
    "messaging_system", "messaging_operation_name", "messaging_destination_name",
  ]
  private static let group = "messaging_consumer_group_name"

  private static let publisher: [MetricDescription] = [
    .init(
      sentMessages, .counter, "events", topic + ["error_type"],
      "Events that the bus has acknowledged, and with error_type those that it has refused"),
    .init(
      sendSeconds, .histogram, "seconds", topic + ["messaging_operation_type"],
      "How long the bus takes to acknowledge events, from when they are handed over"),
    .init(
      publishBacklog, .gauge, "events", "Committed events that the bus has not acknowledged yet"),
    .init(
      publishBlocked, .gauge, "0 or 1",
      "1 while the topic can't be published to, or it can't be told whether it may be; else 0"),
    .init(
      publishStandby, .gauge, "0 or 1",
      "1 while another process publishes the store's events, and this one would take over; else 0"),
    .init(
      publishEpoch, .gauge, "number",
      "The number of the term under which the process publishes; 0 where it does not"),
    .init(
      publishHeld, .gauge, "offset", ["partition"],
      "The partition offset of the event that holds a partition, because the broker refuses its record; 0 for none"
    ),
    .init(
      tailRejectedRecords, .counter, "records",
      "Records in the end of the topic that a starting publisher found not to be its store's"),
  ]

  private static let workers: [MetricDescription] = [
    .init(
      consumedMessages, .counter, "records", topic + [group],
      "Records that a consumer was given by the bus, whatever became of them"),
    .init(
      processSeconds, .histogram, "seconds", topic + [group, "read_model"],
      "How long it takes to apply a batch to a read model, with all of its attempts"),
    .init(
      appliedEvents, .counter, "events", ["read_model"], "Events that were applied to a read model"),
    .init(
      applyEvents, .histogram, "events", ["read_model"],
      "How many events a transaction of a read model has"),
    .init(
      endToEndSeconds, .histogram, "seconds", ["read_model"],
      "How old events are when they have been applied, from their append"),
    .init(
      lagEvents, .gauge, "events", ["read_model", "partition"],
      "By how many events a partition of a read model is behind the store"),
    .init(
      lagSeconds, .gauge, "seconds", ["read_model", "partition"],
      "How old the last event is that was applied of a partition that is behind; 0 where it is not"),
    .init(
      appliedPosition, .gauge, "offset", ["store", "read_model", "partition"],
      "The partition offset that was applied last, whoever has the partition"),
    .init(
      retries, .counter, "failures", ["read_model"],
      "Failures after which something was tried again"),
    .init(
      parkedEvents, .counter, "events", ["read_model"], "Events that were parked with their streams"
    ),
    .init(parkedStreams, .gauge, "streams", ["read_model"], "Streams that are parked"),
    .init(rebalances, .counter, "changes", [group], "How often the group's assignment changed"),
    .init(fencings, .counter, "leases", [group], "Leases that were fenced"),
    .init(duplicates, .counter, "records", [group], "Records that had been had before"),
    .init(gapsRepaired, .counter, "gaps", [group], "Gaps that were filled from the feed"),
    .init(
      rejectedRecords, .counter, "records", [group],
      "Records that are not of the store, or can't be read"),
    .init(
      forgedEvents, .counter, "partitions", [group],
      "Partitions that stopped because an event was applied that the store does not have there"),
  ]

  private static let pool = "db_client_connection_pool_name"

  private static let databases: [MetricDescription] = [
    .init(
      databaseSeconds, .histogram, "seconds",
      ["db_system_name", "db_operation_name", "error_type"],
      "How long operations of a database take"),
    .init(
      poolConnections, .gauge, "connections", [pool, "db_client_connection_state"],
      "Connections of a pool"),
    .init(poolSize, .gauge, "connections", [pool], "How many connections a pool may have"),
    .init(
      poolRequests, .gauge, "requests", [pool], "Callers that wait for a connection of a pool"),
    .init(
      poolSeconds, .histogram, "seconds", [pool],
      "How long callers waited for a connection of a pool"),
    .init(
      poolTimeouts, .counter, "requests", [pool],
      "Callers that got no connection of a pool in time"),
  ]

  private static let requests: [MetricDescription] = [
    .init(
      requestSeconds, .histogram, "seconds",
      [
        "http_request_method", "http_route", "http_response_status_code", "url_scheme",
        "error_type",
      ], "How long it takes from a request's header to its answer's"),
    .init(
      waitingQueries, .gauge, "queries",
      "Queries that wait until a read model has what their token stands for"),
    .init(tokenWaitSeconds, .histogram, "seconds", "How long queries with a token waited"),
    .init(liveViewers, .gauge, "viewers", ["read_model"], "Viewers of a read model's live queries"),
    .init(
      liveRuns, .counter, "runs", ["read_model"],
      "How often a read model's live queries were run, each time for all of their viewers"),
  ]

  private static let processes: [MetricDescription] = [
    .init(processCPU, .counter, "seconds", "The time that the process has computed, in seconds"),
    .init(processMemory, .gauge, "bytes", "The memory that the process has in use, in bytes"),
    .init(
      processStart, .gauge, "seconds", "When the process was started, in seconds since 1970"),
    .init(
      processDescriptors, .gauge, "descriptors",
      "Files and connections that the process has open"),
    .init(
      reloadFailed, .gauge, "0 or 1", ["content"],
      "1 while files of tokens or certificates have changed and can't be used; else 0"),
    .init(
      certificateExpiry, .gauge, "seconds",
      "When the certificate expires that the server shows, in seconds since 1970"),
    .init(sentSpans, .counter, "spans", "Spans that the trace collector has taken"),
    .init(
      lostSpans, .counter, "spans", ["reason"],
      "Spans that the trace collector did not get, by reason: full, refused, unreachable"),
  ]
}
