extension GuardedProperty {
  /// All of them. Whatever is not here is librdkafka's to take or to refuse.
  package static let all: [GuardedProperty] = [
    // Publishing.
    GuardedProperty(
      "enable.idempotence", values: .flag(true),
      reason: "a record that is sent again would be written twice, or behind a later one"),
    GuardedProperty(
      "enable.gapless.guarantee", values: .flag(true),
      reason: "records behind one that the broker refuses would be written before it"),
    GuardedProperty(
      "acks", "request.required.acks", values: .words(["all", "-1"]),
      reason:
        "an event would count as published before the replicas have it, and be lost with a broker"),
    GuardedProperty(
      "max.in.flight", "max.in.flight.requests.per.connection", values: .number(1...5),
      reason: "brokers keep the order of five requests at most"),
    GuardedProperty(
      "message.timeout.ms", "delivery.timeout.ms", values: .number(0...0),
      reason:
        "while brokers are away a record would be given up, and those behind it be written: the store is the "
        + "backlog, so leave it out. Where several writers share a store, the relay itself sets it to the length of its lease"
    ),
    GuardedProperty(
      "retries", "message.send.max.retries", values: .number(1...Int.max),
      reason: "a record would be given up at its first failure"),
    GuardedProperty(
      "queuing.strategy", values: .words(["fifo"]),
      reason: "later records would be written before earlier ones"),
    GuardedProperty(
      "transactional.id", values: .none,
      reason:
        "records are not written in transactions, so that nothing could be published: leave it out"),
    GuardedProperty(
      "delivery.report.only.error", values: .flag(false),
      reason: "acknowledgements would not be told, and nothing count as published"),
    GuardedProperty(
      "message.max.bytes", values: .number(ProducerClient.largestRecord...Int.max),
      reason:
        "an event that the topic takes would hold its partition: what refuses large events before they are stored is "
        + "--max-record-bytes"),
    GuardedProperty(
      "queue.buffering.max.kbytes", values: .number(20_000...Int.max),
      reason: "a record that is larger than the queue would never be sent, nor those behind it"),
    GuardedProperty(
      "allow.auto.create.topics", values: .flag(false),
      reason:
        "a broker would create the topic with another number of partitions than the store has: the writer creates it"
    ),

    // Consuming.
    GuardedProperty(
      "group.id", values: .none,
      reason:
        "each read model has a group of its own, and in a shared one its workers would lack partitions: leave it out"
    ),
    GuardedProperty(
      "partition.assignment.strategy", values: .list(["range", "roundrobin"]),
      reason:
        "workers give all partitions back at a rebalance: with another strategy, those that they keep would stand still"
    ),
    GuardedProperty(
      "group.protocol", values: .words(["classic"]),
      reason:
        "workers give all partitions back at a rebalance: with the other protocol, those that they keep would stand still"
    ),
    GuardedProperty(
      "enable.auto.commit", "auto.commit.enable", values: .flag(false),
      reason:
        "offsets are committed when events have been applied: otherwise Kafka's tools would show what was not applied "
        + "as done"),
    GuardedProperty(
      "enable.auto.offset.store", values: .flag(false),
      reason:
        "offsets are committed when events have been applied: otherwise Kafka's tools would show what was not applied "
        + "as done"),
    GuardedProperty(
      "offset.store.method", values: .words(["broker"]),
      reason:
        "Kafka's tools would not show the lag; where a worker begins is in its read model's checkpoint"
    ),
    GuardedProperty(
      "auto.offset.reset", values: .words(["earliest", "smallest", "beginning"]),
      reason:
        "where the broker has deleted records, those that it still holds would not be applied until a later one shows "
        + "that they are missing"),
    GuardedProperty(
      "enable.partition.eof", values: .flag(true),
      reason:
        "it would not be known when a partition has been read to its end, and the writer would take the topic for "
        + "unreadable"),
    GuardedProperty(
      "topic.metadata.refresh.interval.ms", values: .number(1...Int.max),
      reason: "a worker that begins before its topic is created would never find it"),

    // All clients.
    GuardedProperty(
      "bootstrap.servers", "metadata.broker.list", values: .none,
      reason:
        "the brokers are a setting of their own, and messages would name others: use --brokers"),
    GuardedProperty(
      "api.version.request", values: .flag(true),
      reason: "brokers would be taken for old ones, to which records go without headers"),
    GuardedProperty(
      "enabled_events", values: .number(0...0),
      reason: "acknowledgements and errors would go where nobody reads them"),
    GuardedProperty(
      "log.queue", values: .flag(false), reason: "librdkafka's log would go where nobody reads it"),
    GuardedProperty(
      "enable_sasl_queue", values: .flag(false),
      reason: "requests for tokens would go where nobody reads them"),
    GuardedProperty(
      "internal.termination.signal", values: .number(0...0),
      reason: "a client that is closed would send the signal to the process, which ends by it"),
    GuardedProperty(
      "plugin.library.paths", values: .none,
      reason: "it loads code into the process, which may change records and drop them"),
    GuardedProperty(
      "test.mock.num.brokers", values: .number(0...0),
      reason:
        "events would go to brokers in the process's memory, and be lost with it: to try something out, run the command "
        + "'broker'"),
    GuardedProperty(
      "ut_handle_ProduceResponse", values: .none,
      reason: "it is for librdkafka's own tests, and its value would be called as code"),
  ]

  /// The table of all of them in Markdown, for the documentation.
  package static var reference: String {
    let lines = all.map { property in
      let names = property.names.map { "`\($0)`" }.joined(separator: ", ")
      return "| \(names) | \(property.taken) | \(property.reason) |"
    }
    return (["| property | is taken | because otherwise |", "| --- | --- | --- |"] + lines).joined(
      separator: "\n")
  }
}
