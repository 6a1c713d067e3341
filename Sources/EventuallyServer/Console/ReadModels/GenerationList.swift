import Eventually

/// A read model's generations and savepoints.
struct GenerationList: Sendable {
  private struct Entry {
    var generation: Generation
    var events: UInt64
    var bytes: UInt64
  }

  private var generations: [Entry] = []
  private let savepoints: [Savepoint]

  init(_ generations: [Generation], of catalog: any ReadModelCatalog) async throws {
    for generation in generations {
      self.generations.append(
        Entry(
          generation: generation, events: try await catalog.events(in: generation.number),
          bytes: try await catalog.size(of: generation.number)))
    }
    savepoints = try await catalog.savepoints()
  }

  /// The members `generations` and `savepoints`.
  func write(_ json: inout JSONWriter) {
    json.key("generations")
    json.beginArray()
    for entry in generations {
      let generation = entry.generation
      json.beginObject()
      json.member("number", generation.number)
      json.member(
        "state", generation.isLive ? "live" : generation.isBuilding ? "building" : "kept")
      json.member("origin", generation.origin)
      json.member("created", generation.created.description)
      json.member("schemaVersion", generation.schemaVersion)
      json.member("events", entry.events)
      json.member("bytes", entry.bytes)
      json.endObject()
    }
    json.endArray()
    json.key("savepoints")
    json.beginArray()
    for savepoint in savepoints {
      json.beginObject()
      json.member("name", savepoint.name)
      json.member("saved", savepoint.saved.description)
      json.key("automatic")
      json.bool(savepoint.isAutomatic)
      json.member("events", savepoint.events)
      json.member("sequenceNumber", savepoint.sequenceNumber)
      json.member("rows", savepoint.rows)
      json.endObject()
    }
    json.endArray()
  }
}
