import Eventually
import EventuallyKafka

/// The overview as JSON: what was seen, and how fast it changes.
struct OverviewFrame {
  var look: PipelineLook
  var problems: [Problem]
  var rates: Rates
  /// How long appends, and acknowledgements of the bus, take at most for 99 of 100, in seconds.
  var appendP99: Double?
  var publishP99: Double?
  /// How busy this process is, in percent of a core.
  var cpu: Double

  /// - Parameter hasTime: without the time of the frame, two that say the same are equal.
  func json(hasTime: Bool = true) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member("time", hasTime ? look.time.description : "")
    json.key("problems")
    json.beginArray()
    for problem in problems { problem.write(&json) }
    json.endArray()
    writeStore(&json)
    writeRelay(&json)
    writeProcesses(&json)
    json.key("readModels")
    writeReadModels(&json)
    writeLatest(&json)
    json.endObject()
    return json.bytes
  }

  func writeReadModels(_ json: inout JSONWriter) {
    json.beginArray()
    for model in look.readModels { write(model, &json) }
    json.endArray()
  }

  private func writeStore(_ json: inout JSONWriter) {
    json.key("store")
    guard let store = look.store else { return json.null() }
    json.beginObject()
    json.member("id", store.id)
    json.member("kind", store.kind)
    json.member("partitions", store.heads.count)
    json.member("head", store.head)
    json.member("streams", optional: store.streams)
    json.member("bytes", optional: store.bytes)
    json.number("rate", rates.rate("append"))
    json.number("p99", appendP99.map { $0 * 1000 })
    json.number("conflicts", store.conflicts == nil ? nil : rates.rate("conflicts") ?? 0)
    json.numbers("recent", rates.recent("append"))
    json.member("age", 0)
    json.endObject()
  }

  private func writeRelay(_ json: inout JSONWriter) {
    json.key("relay")
    guard let relay = look.relay else {
      json.null()
      json.key("topic")
      return json.null()
    }
    json.beginObject()
    json.string("publisher", relay.publisher)
    let isStanding = relay.isStanding(at: look.time)
    json.string(
      "phase",
      isStanding && ![.blocked, .stopped].contains(relay.phase)
        ? "not publishing" : relay.phase?.rawValue)
    json.member("epoch", optional: relay.epoch)
    json.member("published", relay.published)
    json.member(
      "backlog", optional: look.store.map { $0.head - min($0.head, relay.published) })
    json.number("rate", rates.rate("publish"))
    json.number("p99", publishP99.map { $0 * 1000 })
    json.numbers("recent", rates.recent("publish"))
    json.member("age", 0)
    json.endObject()
    json.key("topic")
    json.beginObject()
    json.string("name", relay.topic)
    json.member("partitions", optional: look.store?.heads.count)
    json.member("records", relay.published)
    json.member("age", 0)
    json.endObject()
  }

  private func writeProcesses(_ json: inout JSONWriter) {
    json.key("processes")
    json.beginArray()
    let own = look.process
    // A worker tells of itself by its report.
    let isReported = look.readModels.contains { model in
      model.workers?.contains { $0.name == own.name } ?? false
    }
    if !isReported || own.kind == "writer" {
      json.beginObject()
      json.member("name", own.name)
      json.member("kind", own.kind)
      json.member("host", own.host)
      json.member("memory", own.memory)
      json.number("cpu", cpu)
      json.member("started", own.started.description)
      json.member("age", 0)
      json.endObject()
    }
    json.endArray()
  }

  /// A read model as an object.
  /// - Parameter members: writes further members.
  func write(
    _ model: PipelineLook.ReadModel, _ json: inout JSONWriter,
    _ members: (inout JSONWriter) -> Void = { _ in }
  ) {
    let lag = model.lag(look.store)
    json.beginObject()
    json.member("name", model.name)
    json.member("generation", optional: model.generation)
    json.member("state", model.isBuilding ? "building" : "live")
    json.member("lag", optional: lag)
    json.member(
      "lagMilliseconds",
      optional: lag == 0
        ? 0 : model.firstUnapplied.map { max(0, (look.time.microseconds - $0.microseconds) / 1000) }
    )
    json.number("rate", rates.rate("\(model.name).apply"))
    json.number("p99", model.endToEnd(\.endToEndP99).map { $0 * 1000 })
    json.member("parkedStreams", model.unapplied.parkedStreams)
    json.member("parkedEvents", model.unapplied.parkedEvents)
    json.member("rejected", model.unapplied.rejectedRecords)
    json.numbers("recent", rates.recent("\(model.name).apply"))
    writePartitions(model, &json)
    json.key("workers")
    json.beginArray()
    for worker in model.workers ?? [] {
      Self.write(worker, isReplaced: model.isReplaced(worker), &json)
    }
    json.endArray()
    members(&json)
    json.endObject()
  }

  private func writePartitions(_ model: PipelineLook.ReadModel, _ json: inout JSONWriter) {
    let checkpoints = Dictionary(
      model.checkpoints.map { ($0.partition, $0) }, uniquingKeysWith: { first, _ in first })
    let heads = look.store?.heads
    let count = heads?.count ?? (model.checkpoints.map { Int($0.partition) + 1 }.max() ?? 0)
    json.key("partitions")
    json.beginArray()
    for partition in 0..<count {
      let checkpoint = checkpoints[Partition(partition)]
      json.beginObject()
      json.member("partition", partition)
      json.member("head", optional: heads?[partition])
      json.member("position", optional: checkpoint?.position)
      json.member(
        "lag", optional: heads.map { $0[partition] - min($0[partition], checkpoint?.position ?? 0) }
      )
      json.member("epoch", optional: checkpoint?.epoch)
      json.string("worker", checkpoint.flatMap { model.worker(of: $0) })
      json.endObject()
    }
    json.endArray()
  }

  private static func write(
    _ worker: ReportedWorker, isReplaced: Bool, _ json: inout JSONWriter
  ) {
    json.beginObject()
    json.member("name", worker.name)
    json.string("host", worker.report?.host)
    json.key("partitions")
    json.beginArray()
    for partition in worker.report?.partitions ?? [] { json.integer(partition) }
    json.endArray()
    json.member("memory", optional: worker.report?.memory)
    json.number("cpu", worker.report?.cpu)
    json.number("batch", worker.report?.batch)
    json.number("rate", worker.report?.rate)
    json.member("age", worker.age.milliseconds)
    json.key("isReplaced")
    json.bool(isReplaced)
    json.endObject()
  }

  private func writeLatest(_ json: inout JSONWriter) {
    json.key("latest")
    json.beginArray()
    for record in look.latest {
      json.beginObject()
      json.member("id", record.id.description)
      json.member("type", record.type)
      json.member("stream", record.streamID)
      json.member("version", record.position.version)
      json.member("sequenceNumber", record.position.sequenceNumber)
      json.member("time", record.time.description)
      json.endObject()
    }
    json.endArray()
  }
}

extension PipelineLook.ReadModel {
  /// The worst of what its workers tell.
  func endToEnd(_ figure: KeyPath<WorkerReport, Double?>) -> Double? {
    workers?.filter { $0.age < PipelineLook.silent }.compactMap { $0.report?[keyPath: figure] }
      .max()
  }

  /// Whether a worker is silent, and others have all partitions that it had: nothing is missing then.
  func isReplaced(_ worker: ReportedWorker) -> Bool {
    guard worker.age >= PipelineLook.silent, let had = worker.report?.partitions,
      workers?.contains(where: { $0.age < PipelineLook.silent }) == true
    else { return false }
    return had.allSatisfy { partition in
      checkpoints.contains { $0.partition == partition && self.worker(of: $0) != nil }
    }
  }

  /// The worker that has a partition: the one that took it last, where it has reported lately that it still has it.
  func worker(of checkpoint: CheckpointStatus) -> String? {
    guard let workers else { return checkpoint.owner }
    return workers.first { worker in
      worker.name == checkpoint.owner && worker.age < PipelineLook.silent
        && worker.report?.partitions.contains(checkpoint.partition) ?? true
    }?.name
  }
}

extension JSONWriter {
  /// A number with at most three decimals; null for none.
  mutating func number(_ name: StaticString, _ value: Double?) {
    key(name)
    number(value)
  }

  /// A number with at most three decimals; null for none.
  mutating func number(_ value: Double?) {
    guard let value, value.isFinite, abs(value) < 1e15 else { return null() }
    let rounded = (value * 1000).rounded() / 1000
    raw((rounded == rounded.rounded() ? "\(Int64(rounded))" : "\(rounded)").utf8)
  }

  mutating func numbers(_ name: StaticString, _ values: [Double]) {
    key(name)
    beginArray()
    for value in values { number(value) }
    endArray()
  }

  /// A text; null for none.
  mutating func string(_ name: StaticString, _ value: String?) {
    key(name)
    if let value { string(value) } else { null() }
  }
}
