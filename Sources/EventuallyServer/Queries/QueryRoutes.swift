import CoreMetrics
package import Eventually
import EventuallySQLite
import HTTPTypes

/// A read model's live generation, opened when it is first asked for: a worker may not have begun it yet.
final class ReadModelSource: Sendable {
  private let directory: ReadModelDirectory
  private let model: any ReadModel
  private let timeLimit: Duration?
  private let opened = Locked<ReadModelReader?>(nil)

  init(_ definition: any ReadModelDefinition, directory: String, timeLimit: Duration?) {
    self.timeLimit = timeLimit
    self.directory = definition.directory(in: directory)
    model = definition.anyModel
  }

  /// The generation that is live now, for all that one request asks.
  func open() throws(ReadModelError) -> ReadModelReader {
    // Opening is rare, and whoever comes meanwhile needs the same.
    let reader = try opened.withLock { (opened) throws(ReadModelError) -> ReadModelReader in
      if let opened { return opened }
      let reader = try ReadModelReader(
        path: directory.livePath, model: model, timeLimit: timeLimit)
      opened = reader
      return reader
    }
    return try reader.current()
  }
}

/// The queries of read models, over HTTP.
package struct QueryRoutes: Sendable {
  let sources: [(definition: any ReadModelDefinition, source: ReadModelSource)]
  private let application: ApplicationModel
  /// Queries that wait for a token.
  private let waiting: Budget
  private let tokenWait = Timer(label: MetricName.tokenWaitSeconds)

  /// - Parameters:
  ///   - directory: where the read models are.
  ///   - readModels: the read models whose queries are answered.
  ///   - timeLimit: how long a query may read; `nil` for as long as it takes.
  ///   - limits: how many queries may wait for a token.
  package init(
    _ application: ApplicationModel, directory: String, readModels: [any ReadModelDefinition],
    timeLimit: Duration? = nil, limits: ServerLimits = ServerLimits()
  ) {
    waiting = Budget(limits.waitingQueries)
    self.application = application
    sources = readModels.map {
      ($0, ReadModelSource($0, directory: directory, timeLimit: timeLimit))
    }
  }

  /// What any query takes.
  static let consistency = [
    API.Parameter.query(
      "after", "The token of a command's answer: the answer waits until the command has its effect",
      .string(pattern: "^[0-9]{1,9}-[0-9]{1,18}$")),
    API.Parameter.query("wait", "For at most this many seconds", .integer(0...30)),
  ]

  package func add(to api: inout API) {
    for (definition, source) in sources {
      for query in application.queries(of: definition.name) {
        api.add(
          API.Operation(
            .get, query.path, query.summary, isTagged: true,
            parameters: query.parameters + Self.consistency,
            answers: query.answers
              + [
                API.Response(
                  422, "A parameter can't be what it is, or the token is of another store")
              ]
          ) { request in
            try await query.answer(request, try await reader(source, request)).taggedByContent()
          })
      }
    }
  }

  /// The generation that answers a request, once it has what the request asks to see.
  private func reader(
    _ source: ReadModelSource, _ request: APIRequest
  ) async throws -> ReadModelReader {
    let longest = UInt64(ConsistencyToken.longestWait.components.seconds)
    let seconds = try request.number("wait", default: 5, in: 0...longest)
    guard let token = try request.consistencyToken() else { return try source.open() }
    guard let place = waiting.share() else {
      throw Overloaded("\(waiting.limit) queries are waiting for a token")
    }
    defer { withExtendedLifetime(place) {} }
    let start = ContinuousClock.now
    defer { tokenWait.recordNanoseconds((ContinuousClock.now - start).nanoseconds) }
    return try await token.wait(atMost: .seconds(Int64(seconds))) { try source.open() }
  }

  /// What the read models' files tell, whichever process works on them, for gauges.
  func gauges() async -> [ScrapedGauges.Key: Double] {
    var values = [ScrapedGauges.Key(label: MetricName.waitingQueries): Double(waiting.inUse)]
    for (definition, source) in sources {
      // Of a file that can't be read there are no gauges, and readiness says why.
      guard let reader = try? source.open(), let parked = try? await reader.parkedStreamCount(),
        let checkpoints = try? await reader.checkpoints()
      else { continue }
      values[.init(label: MetricName.parkedStreams, readModel: definition.name)] = Double(parked)
      for checkpoint in checkpoints {
        let key = ScrapedGauges.Key(
          label: MetricName.appliedPosition, store: reader.storeID, readModel: definition.name,
          partition: checkpoint.partition)
        values[key] = Double(checkpoint.position ?? 0)
      }
    }
    return values
  }
}

extension ReadModelDefinition {
  /// The read model without its type.
  package var anyModel: any ReadModel { model }
}
