extension MetricName {
  /// What each metric tells, by its name: for exporters that say so.
  package static let help: [String: String] = [
    appends: "Appends that were carried out",
    appendedEvents: "Events that were appended",
    conflicts: "Appends that were refused because the stream was at another version",
    repeatedRequests:
      "Requests that had been carried out before under the same idempotency key",
    reusedKeys:
      "Requests that were refused because another request had had the same idempotency key",
    appendSeconds: "How long an append takes its caller",
    commitRequests: "How many requests share a transaction of the store",
    pendingErasures: "Removed streams whose events may still be in the store's write-ahead log",
    storeHead: "The last partition offset of a partition of the store",
    storeUnwritable:
      "1 while the store can't be written, because its disk is full for example; else 0",
    storeDiskSize: "The size of the file system that the store's file is on, in bytes",
    storeDiskFree: "How much of the store's file system is free, in bytes",
    processCPU: "The time that the process has computed, in seconds",
    processMemory: "The memory that the process has in use, in bytes",
    processStart: "When the process was started, in seconds since 1970",
    processDescriptors: "Files and connections that the process has open",
    publishedEvents: "Events that the bus has acknowledged",
    publishSeconds: "How long the bus takes to acknowledge events, from when they are handed over",
    publishBacklog: "Committed events that the bus has not acknowledged yet",
    publishBlocked:
      "1 while the topic can't be published to, or it can't be told whether it may be; else 0",
    publishStandby:
      "1 while another process publishes the store's events, and this one would take over; else 0",
    publishEpoch: "The number of the term under which the process publishes; 0 where it does not",
    publishHeld:
      "The partition offset of the event that holds a partition, because the broker refuses its record; 0 for none",
    tailRejectedRecords:
      "Records in the end of the topic that a starting publisher found not to be its store's",
    reloadFailed:
      "1 while files of tokens or certificates have changed and can't be used; else 0",
    certificateExpiry:
      "When the certificate expires that the server shows, in seconds since 1970",
    sentSpans: "Spans that the trace collector has taken",
    lostSpans:
      "Spans that the trace collector did not get, by reason: full, refused, unreachable",
    appliedEvents: "Events that were applied to a read model",
    applyEvents: "How many events a transaction of a read model has",
    applySeconds: "How long a transaction of a read model takes, with all of its attempts",
    endToEndSeconds: "How old events are when they have been applied, from their append",
    retries: "Failures after which something was tried again",
    parkedEvents: "Events that were parked with their streams",
    parkedStreams: "Streams that are parked",
    appliedPosition: "The partition offset that was applied last, whoever has the partition",
    rebalances: "How often the group's assignment changed",
    fencings: "Leases that were fenced",
    duplicates: "Records that had been had before",
    gapsRepaired: "Gaps that were filled from the feed",
    rejectedRecords: "Records that are not of the store, or can't be read",
    forgedEvents:
      "Partitions that stopped because an event was applied that the store does not have there",
    lagEvents: "By how many events a partition of a read model is behind the store",
    lagSeconds:
      "How old the last event is that was applied of a partition that is behind; 0 where it is not",
    requestSeconds: "How long it takes from a request's header to its answer's",
    waitingQueries: "Queries that wait until a read model has what their token stands for",
    tokenWaitSeconds: "How long queries with a token waited",
    liveViewers: "Viewers of a read model's live queries",
    liveRuns: "How often a read model's live queries were run, each time for all of their viewers",
  ]
}
