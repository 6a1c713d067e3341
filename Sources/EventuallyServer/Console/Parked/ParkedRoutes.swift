import Eventually
import HTTPTypes

/// Parked events and rejected records.
extension Console {
  private struct Which: Decodable {
    var streams: [String]?
    var reason: String?
    /// The last stream of the part before.
    var after: String?
  }

  func addParked(to api: inout API) {
    api.add(
      topic("parked") { request in
        let name = try request.parameter("readModel").flatMap { $0.isEmpty ? nil : $0 }
        let readModels =
          try name.map { [try sources.readModel($0)] } ?? sources.readModels
        let isAdministrator = Masking.isAdministrator(request)
        let showsWords = showsWords(to: request)
        return ConsoleTopic(
          name: "parked/\(name ?? "")/\(isAdministrator)", event: "parked",
          interval: .milliseconds(500)
        ) {
          try await BlockingTasks.run {
            var frame = ParkedFrame(showsWords: showsWords)
            for readModel in readModels {
              guard try await readModel.catalog.liveGeneration() != nil else { continue }
              let reader = try await readModel.live.open()
              frame.add(
                readModel.name, parked: try await reader.parkedStreams(),
                rejected: try await reader.rejectedRecords(limit: ParkedFrame.listed))
            }
            var json = JSONWriter()
            frame.write(&json, changes: audit.newest)
            return ConsoleFrame(json.bytes)
          }
        }
      })
    for kind in [ParkedChange.Kind.retry, .discard] {
      api.add(
        change(.post, "parked/{model}/\(kind.rawValue)", kind.rawValue) { request, note in
          let isTrial = try request.parameter("dryRun") == "true"
          note.isTrial = isTrial
          let readModel = try sources.readModel(try request.path("model"))
          let which = try request.decode(Which.self)
          guard (which.streams == nil) != (which.reason == nil) else {
            throw RequestError(kind: .invalidRequest, "name streams, or a reason")
          }
          note.target =
            which.streams.map { names in
              "\(readModel.name): \(names.count == 1 ? names[0].excerpt : "\(names.count) streams")"
            } ?? "\(readModel.name): all for the reason \(which.reason?.excerpt ?? "")"
          let (results, left) = try await RequestError.refusing {
            try await Self.perform(
              ParkedChange(kind: kind, isTrial: isTrial), which, of: readModel)
          }
          note.outcome = Self.summary(results)
          // What was discarded is nowhere else any more.
          if !results.isEmpty { note.target = ParkedChange.target(readModel.name, results) }
          let owners = isTrial ? await Self.owners(of: results, in: readModel) : []
          let masking = rowMasking(for: request)
          return JSONResponse { json in
            json.beginObject()
            Self.writeMembers(results, left, &json, masking)
            if isTrial {
              // Whose code it is: another process may have another.
              json.key("triedBy")
              json.beginObject()
              json.member("kind", process.kind)
              json.member("name", process.name)
              json.member("version", application.version)
              json.endObject()
              json.member("workers", owners)
            }
            json.endObject()
          }
        })
    }
  }

  /// Whether words of a stream's errors are shown to whoever asks.
  func showsWords(to request: APIRequest) -> @Sendable (_ stream: String) -> Bool {
    let view = view(of: request)
    return { view.showsReasons(ofStream: $0) }
  }

  private static func perform(
    _ change: ParkedChange, _ which: Which, of readModel: ConsoleReadModel
  ) async throws -> (results: [ParkedChange.Result], left: Int) {
    let reader = try await readModel.live.open()
    let selection = ParkedSelection(
      of: try await reader.parkedStreams(), names: which.streams, reason: which.reason,
      after: which.after.flatMap { $0.isEmpty ? nil : $0 }, limit: ParkedChange.streamLimit)
    guard !selection.streams.isEmpty || which.after?.isEmpty == false else {
      throw RequestError(
        kind: .notFound, "no such stream is parked: somebody else may have retried or discarded it")
    }
    let done = try await change.perform(selection.streams, of: readModel)
    return (done.results, done.left + selection.left)
  }

  private static func summary(_ results: [ParkedChange.Result]) -> String {
    [ParkedChange.Result.Outcome.applied, .discarded, .fails].compactMap { outcome in
      let count = results.count { $0.outcome == outcome }
      return count == 0 ? nil : "\(count) \(outcome.rawValue)"
    }.joined(separator: ", ")
  }

  /// The workers whose code a retry by them would be of: those that took the streams' partitions last.
  private static func owners(
    of results: [ParkedChange.Result], in readModel: ConsoleReadModel
  ) async -> [String] {
    let partitions = Set(results.map(\.partition))
    // They are a hint: without them the trial is told all the same.
    let checkpoints = try? await readModel.live.open().checkpoints()
    let owners = checkpoints?.filter { partitions.contains($0.partition) }.map(\.owner) ?? []
    return Set(owners.map { ByteKey($0) }).sorted().map(\.text)
  }

  private static func writeMembers(
    _ results: [ParkedChange.Result], _ left: Int, _ json: inout JSONWriter, _ masking: RowMasking
  ) {
    json.key("results")
    json.beginArray()
    for result in results {
      json.beginObject()
      json.member("stream", result.stream)
      json.member("events", result.events)
      json.member("outcome", result.outcome.rawValue)
      if let reason = result.reason { json.member("reason", ParkedSelection.shown(reason)) }
      json.member("rowCount", result.changes.count)
      json.key("rows")
      json.beginArray()
      for change in result.changes.prefix(ParkedChange.rowLimit) { masking.write(change, &json) }
      json.endArray()
      json.endObject()
    }
    json.endArray()
    json.member("left", left)
  }
}
