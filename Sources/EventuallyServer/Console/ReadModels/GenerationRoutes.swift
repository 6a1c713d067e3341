import Eventually
import HTTPTypes

/// Switching and dropping generations; saving and deleting savepoints.
extension Console {
  private struct Target: Decodable {
    var generation: Int
  }

  private struct Name: Decodable {
    var name: String
  }

  func addGenerations(to api: inout API) {
    // While a switch brings a generation to where the live one is, which may take long; null while there is none.
    api.add(
      topic("read-models/{model}/switch") { request in
        let name = try sources.readModel(try request.path("model")).name
        return ConsoleTopic(
          name: "switch/\(name)", event: "switching", interval: .milliseconds(250)
        ) {
          var json = JSONWriter()
          if let switching = replays.switching.withLock({ $0 }), switching.readModel == name {
            switching.write(&json)
          } else {
            json.null()
          }
          return ConsoleFrame(json.bytes)
        }
      })
    api.add(
      change(.post, "read-models/{model}/live", "switch") { request, note in
        let readModel = try sources.readModel(try request.path("model"))
        let generation = try request.decode(Target.self).generation
        note.target = "\(readModel.name), generation \(generation)"
        let log = try await sources.store()
        do {
          switch try await replays.makeLive(generation, of: readModel, log: log) {
          case .live(let replaced?): note.outcome = "live instead of generation \(replaced)"
          case .live(nil), .built: note.outcome = "live"
          case .alreadyLive: note.outcome = "live already"
          }
        } catch {
          throw RequestError.refusal(error)
        }
        return JSONResponse(withoutBody: .noContent)
      })
    api.add(
      change(.delete, "read-models/{model}/generations/{number}", "drop a generation") {
        request, note in
        let readModel = try sources.readModel(try request.path("model"))
        guard let number = Int(try request.path("number")) else {
          throw RequestError(kind: .invalidRequest, "a generation has a number")
        }
        note.target = "\(readModel.name), generation \(number)"
        try await RequestError.refusing { try await readModel.catalog.drop(number) }
        return JSONResponse(withoutBody: .noContent)
      })
    api.add(
      change(.post, "read-models/{model}/savepoints", "save a savepoint") { request, note in
        let readModel = try sources.readModel(try request.path("model"))
        let name = try request.decode(Name.self).name
        note.target = "\(readModel.name), \(name)"
        let saved = try await RequestError.refusing {
          try await readModel.catalog.saveSavepoint(
            name, of: readModel.definition.anyModel, isAutomatic: false
          ) { _ in true }
        }
        if let saved { note.outcome = "saved with \(saved.events) events" }
        return JSONResponse(withoutBody: .noContent)
      })
    api.add(
      change(.delete, "read-models/{model}/savepoints/{name}", "delete a savepoint") {
        request, note in
        let readModel = try sources.readModel(try request.path("model"))
        let name = try request.path("name")
        note.target = "\(readModel.name), \(name)"
        try await RequestError.refusing { try await readModel.catalog.deleteSavepoint(name) }
        return JSONResponse(withoutBody: .noContent)
      })
  }
}

extension ReplayRunner.Switching {
  fileprivate func write(_ json: inout JSONWriter) {
    let seconds = progress.map { $0.elapsed / .seconds(1) } ?? 0
    let applied = progress?.applied ?? 0
    json.beginObject()
    json.member("generation", generation)
    json.member("applied", applied)
    json.member("total", max(progress?.total ?? 0, applied))
    json.member("elapsed", progress?.elapsed.milliseconds ?? 0)
    json.member("rate", seconds > 0 ? Int((Double(applied) / seconds).rounded()) : 0)
    json.endObject()
  }
}
