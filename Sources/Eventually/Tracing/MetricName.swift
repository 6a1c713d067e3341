extension Duration {
  /// The duration in whole nanoseconds, for timers of swift-metrics.
  package var nanoseconds: Int64 {
    components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
  }
}

/// The names of the metrics that the libraries report through swift-metrics.
///
/// What OpenTelemetry's semantic conventions have a metric for has its name and its attributes, as Prometheus writes them: dots are
/// underscores, and the unit and `_total` are at the end. All others begin with `eventually_`.
public enum MetricName {
  /// Appends that were carried out.
  public static let appends = "eventually_appends_total"
  /// Events that were appended.
  public static let appendedEvents = "eventually_appended_events_total"
  /// Appends that were refused because the stream was at another version.
  public static let conflicts = "eventually_append_conflicts_total"
  /// Requests that had been carried out before under the same idempotency key.
  public static let repeatedRequests = "eventually_repeated_requests_total"
  /// Requests that were refused because another request had had the same idempotency key.
  public static let reusedKeys = "eventually_reused_keys_total"
  /// How long an append takes its caller.
  public static let appendSeconds = "eventually_append_seconds"
  /// How many requests share a transaction of the store.
  public static let commitRequests = "eventually_commit_requests"
  /// Removed streams whose events may still be in the store's write-ahead log.
  public static let pendingErasures = "eventually_pending_erasures"
  /// The last partition offset of each partition of the store: a gauge of the writer, by `store` and `partition`.
  public static let storeHead = "eventually_store_head"
  /// 1 while the store can't be written, because its disk is full for example; else 0. A gauge of the writer, by `store`.
  public static let storeUnwritable = "eventually_store_unwritable"
  /// The size of the file system that the store's file is on, by `store`: a gauge of the writer, in bytes. There is none of a store in a
  /// server's database.
  public static let storeDiskSize = "eventually_store_disk_size_bytes"
  /// How much of that is free for the writer: a gauge of the writer, by `store`.
  public static let storeDiskFree = "eventually_store_disk_free_bytes"
  /// How long operations of a database take, by `db_system_name`, `db_operation_name` and, where they fail, `error_type`. Of a database
  /// in a file there are the transactions alone.
  public static let databaseSeconds = "db_client_operation_duration_seconds"
  /// The connections of a pool to PostgreSQL, by `db_client_connection_state`, `used` or `idle`: a gauge, like those of pools that follow.
  public static let poolConnections = "db_client_connection_count"
  /// How many connections a pool may have.
  public static let poolSize = "db_client_connection_max"
  /// Callers that wait for a connection of a pool.
  public static let poolRequests = "db_client_connection_pending_requests"
  /// How long callers waited for a connection of a pool.
  public static let poolSeconds = "db_client_connection_wait_time_seconds"
  /// Callers that got no connection of a pool in time.
  public static let poolTimeouts = "db_client_connection_timeouts_total"
  /// The time that the process has computed.
  public static let processCPU = "process_cpu_seconds_total"
  /// The memory that the process has in use: a gauge, in bytes.
  public static let processMemory = "process_resident_memory_bytes"
  /// When the process was started, in seconds since 1970: a gauge.
  public static let processStart = "process_start_time_seconds"
  /// The files and connections that the process has open: a gauge.
  public static let processDescriptors = "process_open_fds"
  /// Events that the bus has acknowledged, and with `error_type` those that it has refused.
  public static let sentMessages = "messaging_client_sent_messages_total"
  /// How long the bus takes to acknowledge events, from when they are handed over.
  public static let sendSeconds = "messaging_client_operation_duration_seconds"
  /// Records that a consumer was given by the bus, whatever became of them.
  public static let consumedMessages = "messaging_client_consumed_messages_total"
  /// Committed events that the bus has not acknowledged yet: a gauge, while a publisher runs and knows up to where the
  /// store was published.
  public static let publishBacklog = "eventually_publish_backlog_events"
  /// 1 while the topic can't be published to, or it can't be told whether it may be; else 0. A gauge, while a publisher runs.
  public static let publishBlocked = "eventually_publish_blocked"
  /// 1 while another process publishes the store's events, and this one would take over; else 0. A gauge, while a publisher runs.
  public static let publishStandby = "eventually_publish_standby"
  /// The number of the term under which the process publishes: of two processes, the one with the larger one does. 0 where it does
  /// not publish, or nobody else can. A gauge, while a publisher runs.
  public static let publishEpoch = "eventually_publish_epoch"
  /// The partition offset of the event that holds a partition, because the broker refuses its record; 0 where none does any more.
  public static let publishHeld = "eventually_publish_held_offset"
  /// Records in the end of the topic that a starting publisher found not to be its store's.
  public static let tailRejectedRecords = "eventually_publish_rejected_records_total"
  /// 1 while files of tokens or certificates have changed and can't be used, so that what was read before is in force; else 0.
  public static let reloadFailed = "eventually_reload_failed"
  /// When the certificate expires that a server shows, in seconds since 1970: a gauge.
  public static let certificateExpiry = "eventually_certificate_expiry_timestamp_seconds"
  /// Spans that a collector has taken.
  public static let sentSpans = "eventually_trace_spans_sent_total"
  /// Spans that no collector has got, by `reason`: `full`, `refused`, `unreachable`.
  public static let lostSpans = "eventually_trace_spans_lost_total"
  /// Events that were applied to a read model.
  public static let appliedEvents = "eventually_applied_events_total"
  /// How many events a transaction of a read model has.
  public static let applyEvents = "eventually_apply_batch_events"
  /// How long it takes to apply a batch to a read model, with all of its attempts.
  public static let processSeconds = "messaging_process_duration_seconds"
  /// How old events are when they have been applied, from their append.
  public static let endToEndSeconds = "eventually_end_to_end_seconds"
  /// Failures after which something was tried again.
  public static let retries = "eventually_retries_total"
  /// Events that were parked with their streams.
  public static let parkedEvents = "eventually_parked_events_total"
  /// Streams that are parked: a gauge of each process that can read the read model's file.
  public static let parkedStreams = "eventually_parked_streams"
  /// The partition offset that was applied last, of each partition of a read model, by `store`, `read_model` and `partition`: a
  /// gauge of each process that can read the read model's file, whoever has the partition.
  public static let appliedPosition = "eventually_applied_position"
  /// How often the group's assignment changed.
  public static let rebalances = "eventually_rebalances_total"
  /// Leases that were fenced.
  public static let fencings = "eventually_fencings_total"
  /// Records that had been had before.
  public static let duplicates = "eventually_duplicates_dropped_total"
  /// Gaps that were filled from the feed.
  public static let gapsRepaired = "eventually_gaps_repaired_total"
  /// Records that are not of the store, or can't be read.
  public static let rejectedRecords = "eventually_rejected_records_total"
  /// Partitions that stopped because an event was applied that the store does not have there.
  public static let forgedEvents = "eventually_forged_events_total"
  /// By how many events a partition of a read model is behind the store: a gauge for each partition that a worker has,
  /// which there is only while it has the partition, and neither the store nor the broker has been silent for seconds.
  public static let lagEvents = "eventually_lag_events"
  /// How old the last event is that was applied of a partition that is behind; 0 where it is not. A gauge like that of the
  /// lag in events; there is none of a partition that is behind and of which nothing was applied since it was assigned.
  public static let lagSeconds = "eventually_lag_seconds"
  /// How long it takes from a request's header to its answer's, by `http_request_method`, `http_route`, `url_scheme`,
  /// `http_response_status_code` and, from 500 on, `error_type`.
  public static let requestSeconds = "http_server_request_duration_seconds"
  /// Queries that wait until a read model has what their token stands for: a gauge.
  public static let waitingQueries = "eventually_waiting_queries"
  /// How long queries with a token waited.
  public static let tokenWaitSeconds = "eventually_token_wait_seconds"
  /// Viewers of a read model's live queries: a gauge.
  public static let liveViewers = "eventually_live_viewers"
  /// How often a read model's live queries were run, each time for all of their viewers.
  public static let liveRuns = "eventually_live_query_runs_total"
}
