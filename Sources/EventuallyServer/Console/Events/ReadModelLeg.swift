import Eventually

/// What a read model has done with an event, and the rows that the event changes.
struct ReadModelLeg: Sendable {
  let name: String
  var generation: Int?
  var applied: EventWay.Applied
  /// `nil` where it is not told.
  var rows: [RowChange]?
  /// Whether the rows are as the event found and left them; else only which ones it writes is told.
  var isExact = false

  func write(
    of record: EventRecord, published: Timestamp?, _ view: Masking.View, _ json: inout JSONWriter
  ) {
    json.beginObject()
    json.member("readModel", name)
    json.member("state", applied.state.rawValue)
    if let time = applied.times?.upperBound {
      json.member("time", time.description)
      if applied.state == .applied {
        if let published { json.milliseconds("afterPublished", from: published, to: time) }
        json.milliseconds("afterAppended", from: record.time, to: time)
      }
    }
    if let worker = applied.worker { json.member("worker", worker) }
    if applied.isRetried {
      json.key("retried")
      json.bool(true)
    }
    if let generation { json.member("generation", generation) }
    if let why = applied.why {
      // What the read model's code says may quote the event.
      let mayQuote = applied.state == .parked || applied.state == .applied
      json.member("why", !mayQuote || view.showsReasons(ofStream: record.streamID) ? why : "")
    }
    if let rows {
      json.key("rows")
      json.beginArray()
      for row in rows { Self.write(row, hasValues: isExact, view, &json) }
      json.endArray()
      json.key("exact")
      json.bool(isExact)
    }
    json.endObject()
  }

  private static func write(
    _ change: RowChange, hasValues: Bool, _ view: Masking.View, _ json: inout JSONWriter
  ) {
    func write(_ value: ColumnValue, _ json: inout JSONWriter) {
      switch value {
      case .integer(let number): json.integer(number)
      case .text(let text): json.string(text.excerpt(1_000))
      case .null: json.null()
      }
    }
    func row(_ values: [ColumnValue]?, _ json: inout JSONWriter) {
      guard let values else { return json.null() }
      json.beginObject()
      for (column, value) in zip(change.table.values, values)
      where !view.isMasked(column: column.name, ofTable: change.table.name) {
        json.key(named: column.name)
        write(value, &json)
      }
      json.endObject()
    }
    json.beginObject()
    json.member("table", change.table.name)
    json.key("key")
    json.beginArray()
    for (column, value) in zip(change.table.key, change.key) {
      let isMasked = view.isMasked(column: column.name, ofTable: change.table.name)
      write(isMasked ? .null : value, &json)
    }
    json.endArray()
    if hasValues {
      json.key("before")
      row(change.before, &json)
      json.key("after")
      row(change.after, &json)
    }
    json.endObject()
  }
}

extension Console {
  /// So many events are applied in memory to tell the rows as they were, and so many bytes.
  private static let foldedEvents: UInt64 = 5_000
  private static let foldedBytes = 4 << 20

  /// All events before one; `nil` where they are too many.
  private static func events(
    before record: EventRecord, in log: any StoreLog
  ) async throws -> [EventRecord]? {
    let last = record.position.sequenceNumber - 1
    guard last <= foldedEvents else { return nil }
    var events: [EventRecord] = []
    var bytes = 0
    while UInt64(events.count) < last {
      let page = try await log.records(
        of: .store, after: UInt64(events.count), limit: Int(last) - events.count,
        bytes: foldedBytes)
      bytes += page.reduce(0) { $0 + $1.payload.count }
      if page.isEmpty || bytes > foldedBytes { return nil }
      events += page
    }
    return events
  }

  /// What each read model has done with an event. One that can't be read is told as unknown, with why.
  func legs(of record: EventRecord, in log: any StoreLog) async throws -> [ReadModelLeg] {
    let events = try await Self.events(before: record, in: log)
    let legs = await withTaskGroup(of: ReadModelLeg.self) { group in
      for model in sources.readModels {
        group.addTask {
          do {
            return try await Self.leg(of: record, after: events, model, model.definition)
          } catch {
            return ReadModelLeg(
              name: model.name, applied: .init(state: .unknown, why: "\(error)".excerpt(400)))
          }
        }
      }
      return await group.reduce(into: [String: ReadModelLeg]()) { $0[$1.name] = $1 }
    }
    return sources.readModels.compactMap { legs[$0.name] }
  }

  private static func leg<Definition: ReadModelDefinition>(
    of record: EventRecord, after events: [EventRecord]?, _ model: ConsoleReadModel,
    _ definition: Definition
  ) async throws -> ReadModelLeg {
    let position = record.position
    let source = try await model.live.open()
    let checkpoint = try await source.checkpoints().first { $0.partition == position.partition }
    var facts = EventWay.ReadModelFacts(
      isTaken: definition.codec.takes(stream: record.streamID), position: checkpoint?.position,
      parked: nil, isDiscarded: false, run: nil)
    if try await source.isUnapplied(position.partitionOffset, in: position.partition) {
      let stream = try await source.parkedStreams().first {
        $0.streamID.hasSameBytes(as: record.streamID)
      }
      // What was given up of a stream comes before what is parked of it.
      let isParked = stream.map { $0.firstPosition <= position.partitionOffset } ?? false
      facts.parked = isParked ? stream.map { ($0.reason, $0.since) } : nil
      facts.isDiscarded = !isParked
    }
    let generation = try await model.catalog.liveGeneration()
    if facts.position ?? 0 >= position.partitionOffset, let generation {
      facts.run = try await model.reports?.run(containing: position, of: generation)
    }
    var leg = ReadModelLeg(
      name: model.name, generation: generation, applied: EventWay.applied(position, facts))
    if leg.applied.state == .applied {
      // Where one of the events before fails, it may have been parked: what there was is not known then. Nor is it of a retry, which came
      // after others, or where one of the events before was retried.
      if let events, !leg.applied.isRetried,
        try await !hasRetries(before: position, in: model, of: generation)
      {
        let last = events.lazy.map(\.position.partitionOffset).max() ?? 0
        let unapplied = try await source.unapplied(upTo: last)
        let before = events.filter { event in
          unapplied[event.position.partition]?.contains(event.position.partitionOffset) != true
        }
        if let rows = try? definition.rowsChanged(by: record, after: before) {
          (leg.rows, leg.isExact) = (rows, true)
          return leg
        }
      }
      switch try await definition.rowsChanged(by: record, source) {
      case .success(let rows): leg.rows = rows
      case .failure(let failure): leg.applied.why = "\(failure)".excerpt(400)
      }
    }
    return leg
  }

  private static func hasRetries(
    before position: EventPosition, in model: ConsoleReadModel, of generation: Int?
  ) async throws -> Bool {
    guard let generation, let reports = model.reports else { return false }
    return try await reports.hasRetries(before: position.sequenceNumber, of: generation)
  }
}
