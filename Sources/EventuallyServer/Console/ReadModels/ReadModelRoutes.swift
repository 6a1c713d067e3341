import Eventually

/// Read models: what they are, their generations, savepoints and replays.
extension Console {
  func addReadModels(to api: inout API) {
    api.add(
      question("read-models/{model}") { request in
        let readModel = try sources.readModel(try request.path("model"))
        let masking = rowMasking(for: request)
        return try await BlockingTasks.run {
          var json = JSONWriter()
          try await write(detailsOf: readModel, &json, masking)
          let bytes = json.bytes
          return JSONResponse { $0.raw(bytes) }
        }
      })
    addGenerations(to: &api)
    addReplays(to: &api)
  }

  private func write(
    detailsOf readModel: ConsoleReadModel, _ json: inout JSONWriter, _ masking: RowMasking
  ) async throws {
    let model = readModel.definition.anyModel
    let generations = try await readModel.catalog.list()
    let replay = ReplayState(generations, schemaVersion: model.schemaVersion)
    json.beginObject()
    try await writeSummary(of: readModel, &json)
    json.member("about", "schema version \(model.schemaVersion)")
    json.member("schemaVersion", model.schemaVersion)
    Self.write(model.tables.map { $0.schema }, &json, masking)
    try await Self.writeGenerations(of: readModel.catalog, generations, &json)
    json.key("replay")
    if let replay { replay.write(&json, masking: masking) } else { json.null() }
    json.endObject()
  }

  /// What a line of the overview says.
  private func writeSummary(of readModel: ConsoleReadModel, _ json: inout JSONWriter) async throws {
    json.member("name", readModel.name)
    let live = try await readModel.catalog.liveGeneration()
    json.member("generation", optional: live)
    guard live != nil else { return }
    let reader = try await readModel.live.open()
    let checkpoints = try await reader.checkpoints()
    let unapplied = try await reader.unappliedCounts()
    json.member("state", try await reader.isBuilding() ? "building" : "live")
    let heads = try? await sources.store().heads()
    let positions = checkpoints.positions(of: reader.partitionCount)
    json.member("lag", optional: heads.map { eventCount(from: positions, through: $0) })
    json.member("parkedStreams", unapplied.parkedStreams)
    json.member("parkedEvents", unapplied.parkedEvents)
    json.member("rejected", unapplied.rejectedRecords)
    json.member("workers", [String]())
  }

  private static func write(
    _ tables: [TableSchema], _ json: inout JSONWriter, _ masking: RowMasking
  ) {
    json.key("tables")
    json.beginArray()
    for table in tables {
      json.beginObject()
      json.member("name", table.name)
      json.key("columns")
      json.beginArray()
      for (index, column) in table.columns.enumerated() {
        json.beginObject()
        json.member("name", column.name)
        json.member("kind", column.kind == .integer ? "integer" : "text")
        json.key("isKey")
        json.bool(index < table.key.count)
        json.key("isMasked")
        json.bool(masking.isMasked(column.name, table.name))
        json.endObject()
      }
      json.endArray()
      json.key("indexes")
      json.beginArray()
      for index in table.indexes {
        json.beginArray()
        for column in index { json.string(column) }
        json.endArray()
      }
      json.endArray()
      json.endObject()
    }
    json.endArray()
  }
}
