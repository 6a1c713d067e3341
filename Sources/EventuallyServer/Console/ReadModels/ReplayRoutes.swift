import Eventually
import HTTPTypes

/// Replays: begun, followed, and given up.
extension Console {
  private struct Request: Decodable {
    var from: String
    var to: String?
  }

  func addReplays(to api: inout API) {
    api.add(
      topic("read-models/{model}/replay") { request in
        let readModel = try sources.readModel(try request.path("model"))
        let masking = rowMasking(for: request)
        let isAdministrator = Masking.isAdministrator(request)
        return ConsoleTopic(
          name: "replay/\(readModel.name)/\(isAdministrator)", event: "replay",
          interval: .milliseconds(500)
        ) {
          try await BlockingTasks.run {
            let state = try await Self.replay(of: readModel.catalog)
            var json = JSONWriter()
            if let state { state.write(&json, masking: masking) } else { json.null() }
            return ConsoleFrame(json.bytes)
          }
        }
      })
    api.add(
      change(.post, "read-models/{model}/replays", "replay") { request, note in
        let readModel = try sources.readModel(try request.path("model"))
        let body = try request.decode(Request.self)
        note.target = readModel.name
        do {
          let asked = try ReplayRequest(from: body.from, to: body.to)
          note.target = "\(readModel.name) \(asked.text)"
          let generation = try await replays.begin(
            asked, of: readModel, log: try await sources.store(),
            by: request.asker.name ?? "the console")
          note.outcome = "builds generation \(generation)"
        } catch {
          throw RequestError.refusal(error)
        }
        let masking = rowMasking(for: request)
        return try await BlockingTasks.run {
          let state = try await Self.replay(of: readModel.catalog)
          return JSONResponse { json in
            if let state { state.write(&json, masking: masking) } else { json.null() }
          }
        }
      })
    api.add(
      change(.delete, "read-models/{model}/replay", "give a replay up") { request, note in
        let readModel = try sources.readModel(try request.path("model"))
        note.target = readModel.name
        let wasRunning = await replays.cancel(readModel.name)
        let dropped = try await RequestError.refusing {
          try await Self.drop(readModel.catalog, isEnding: wasRunning)
        }
        guard let dropped else {
          throw RequestError(kind: .notFound, "there is no replay of '\(readModel.name)'")
        }
        note.target = "\(readModel.name), generation \(dropped)"
        return JSONResponse(withoutBody: .noContent)
      })
  }

  /// Who asks sees values of rows.
  func rowMasking(for request: APIRequest) -> RowMasking {
    let view = view(of: request)
    return RowMasking { view.isMasked(column: $0, ofTable: $1) }
  }

  /// A read model's replay; `nil` where there is none.
  static func replay(of catalog: any ReadModelCatalog) async throws -> ReplayState? {
    ReplayState(try await catalog.list(), schemaVersion: catalog.schemaVersion)
  }

  /// Drops what a replay has built.
  /// - Parameter isEnding: whether its right to replay is about to be given back.
  /// - Returns: the generation; `nil` where there is no replay.
  private static func drop(
    _ catalog: any ReadModelCatalog, isEnding: Bool
  ) async throws -> Int? {
    guard let number = try await replay(of: catalog)?.generation.number else { return nil }
    let deadline = ContinuousClock.now + .seconds(5)
    while true {
      do {
        try await catalog.drop(number)
        return number
      } catch {
        // A server ends a session a moment after its connection was closed.
        guard case .replayRunning = error, isEnding, .now < deadline else {
          throw error
        }
        try await Task.sleep(for: .milliseconds(20))
      }
    }
  }
}
