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
    let kept = try await GenerationList(generations, of: readModel.catalog)
    func writeDetails(_ json: inout JSONWriter) {
      json.member("about", "tables: " + model.tables.map { $0.schema.name }.joined(separator: ", "))
      json.member("schemaVersion", model.schemaVersion)
      Self.write(model.tables.map { $0.schema }, &json, masking)
      kept.write(&json)
      json.key("replay")
      if let replay { replay.write(&json, masking: masking) } else { json.null() }
    }
    let frame = await overview.frame()
    guard let look = frame.look.readModels.first(where: { $0.name == readModel.name }) else {
      throw ReadModelError.notBuilt(location: readModel.catalog.location)
    }
    frame.write(look, &json) { writeDetails(&$0) }
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
