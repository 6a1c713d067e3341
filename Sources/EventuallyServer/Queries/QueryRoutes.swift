import CoreMetrics
package import Eventually
import HTTPTypes

/// A read model's live generation, opened when it is first asked for: a worker may not have begun it yet.
final class OpenedReadModel: Sendable {
  private let catalog: any ReadModelCatalog
  private let timeLimit: Duration?
  private let readers: Int
  private let opened = Locked<(any ReadModelSource)?>(nil)
  /// The look that is under way.
  private let looking = Locked<Task<Result<Look, any Error>, Never>?>(nil)

  init(_ catalog: any ReadModelCatalog, timeLimit: Duration?, readers: Int = 2) {
    self.catalog = catalog
    self.timeLimit = timeLimit
    self.readers = readers
  }

  /// The generation that is live now, for all that one request asks.
  func open() async throws(ReadModelError) -> any ReadModelSource {
    if let opened = opened.withLock({ $0 }) { return try await opened.pinned() }
    let reader = try await catalog.reader(of: nil, readers: readers, timeLimit: timeLimit)
    // Whoever has opened it meanwhile needs the same.
    let opened = opened.withLock { opened in
      opened = opened ?? reader
      return opened ?? reader
    }
    return try await opened.pinned()
  }

  /// What readiness tells of a read model.
  struct Look: Sendable {
    var unapplied: UnappliedCounts
    var removals: PendingRemovals
    var isBuilding: Bool
    var hasBegun: Bool
  }

  /// A database that is away or held by a lock does not answer for many seconds, and whoever asks whether a process is ready wants to
  /// know now.
  func look() async throws -> Look {
    let look = looking.withLock { looking in
      let running = looking ?? Task { await self.finishedLook() }
      looking = running
      return running
    }
    guard let found = await look.value(within: .seconds(1)) else { throw NoAnswer() }
    return try found.get()
  }

  private func finishedLook() async -> Result<Look, any Error> {
    defer { looking.withLock { $0 = nil } }
    do {
      let reader = try await open()
      let isBuilding = try await reader.isBuilding()
      var hasBegun = true
      if isBuilding {
        hasBegun = try await reader.checkpoints().contains { ($0.position ?? 0) > 0 }
      }
      return .success(
        Look(
          unapplied: try await reader.unappliedCounts(),
          removals: try await reader.pendingRemovals(), isBuilding: isBuilding, hasBegun: hasBegun))
    } catch {
      return .failure(error)
    }
  }

  struct NoAnswer: Error, CustomStringConvertible {
    var description: String { "the read model's database does not answer" }
  }
}

/// The queries of read models, over HTTP.
package struct QueryRoutes: Sendable {
  let sources: [(definition: any ReadModelDefinition, source: OpenedReadModel)]
  private let application: ApplicationModel
  /// Queries that wait for a token.
  private let waiting: Budget
  private let tokenWait = Timer(label: MetricName.tokenWaitSeconds)
  /// Viewers of live queries.
  private let viewers: Budget
  /// One for each source.
  private let hubs: [LiveQueryHub]

  /// - Parameters:
  ///   - location: where the read models are.
  ///   - replica: a standby of their database that answers; `nil` for the database itself.
  ///   - readModels: the read models whose queries are answered.
  ///   - timeLimit: how long a query may read; `nil` for as long as it takes.
  ///   - limits: how many queries may wait for a token, and what live ones may take.
  ///   - isChecked: whether queries are answered, and not only described.
  /// - Throws: ``ApplicationError`` where a query is written for another kind of database, or there can be no such replica.
  package init(
    _ application: ApplicationModel, in location: ReadModelLocation,
    replica: ReadModelLocation? = nil, readModels: [any ReadModelDefinition],
    timeLimit: Duration? = nil,
    limits: ServerLimits = ServerLimits(), isChecked: Bool = true
  ) throws(ApplicationError) {
    if isChecked {
      try application.check(queriesOf: readModels.map(\.name), on: location.dialect)
    }
    var replicaURL: String?
    switch (replica, location) {
    case (nil, _): break
    case (.postgres(let url), .postgres): replicaURL = url
    case (let replica?, _):
      throw ApplicationError(
        "the replica \(replica) can't answer queries of the read models in \(location): both are to be URLs of PostgreSQL"
      )
    }
    waiting = Budget(limits.waitingQueries)
    self.application = application
    let catalogs = readModels.map { ($0, $0.catalog(in: location, replica: replicaURL)) }
    sources = catalogs.map { ($0, OpenedReadModel($1, timeLimit: timeLimit)) }
    viewers = Budget(limits.liveViewers)
    hubs = catalogs.map {
      LiveQueryHub(
        $0.name, source: OpenedReadModel($1, timeLimit: timeLimit, readers: 1), limits: limits)
    }
  }

  /// What any query takes.
  static let consistency = [
    API.Parameter.query(
      "after", "The token of a command's answer: the answer waits until the command has its effect",
      .string(pattern: "^[0-9]{1,9}-[0-9]{1,18}$").example("0-9")),
    API.Parameter.query(
      "wait", "For at most this many seconds, 5 by default", .integer(0...30).example(10)),
  ]
  /// What a live query's answers come as.
  private static let events = Schema.string().example(
    "id: \"5f1c2c0e\"\nevent: answer\ndata: {}\n\n")
  private static let lastEventID = API.Parameter(
    name: "Last-Event-ID", place: .header,
    summary: "Of a live query, the id of the answer that the asker has",
    schema: .string())
  /// The token of a command's answer, as it came.
  private static let token = API.Parameter(
    name: "eventually-token", place: .header, summary: "The same as 'after', which goes before it",
    schema: .string(pattern: "^([0-9]{1,9}-[0-9]{1,18})?$").example("0-9"))

  package func add(to api: inout API) {
    for ((definition, source), hub) in zip(sources, hubs) {
      for query in application.queries(of: definition.name) {
        var operation = API.Operation(
          .get, query.path, query.summary, isTagged: true,
          parameters: query.parameters + Self.consistency + [Self.token, Self.lastEventID],
          answers: query.answers.map {
            $0.status == 200 ? $0.or(EventWriter.contentType, Self.events) : $0
          }
            + [
              API.Response(
                422, "A parameter can't be what it is, or the token is of another store"),
              API.Response(
                "Overloaded, the read model can't be read, or it has not got to the token; worth trying again",
                .overloaded, .stopping, .notYet, .parked, .readModelUnavailable),
            ]
        ) { request in
          let reader = try await reader(source, request)
          var response: JSONResponse
          if request.prefersEvents {
            response = try await live(query, hub, request)
          } else {
            response = try await query.answer(request, reader).taggedByContent()
          }
          response.headers[.vary] = "Accept"
          return response
        }
        operation.operationID = query.operationID
        operation.tag = API.Tag(
          name: definition.name, description: "Queries of the read model '\(definition.name)'.")
        operation.description =
          "All of the answer is as of one moment. With the token of a command's answer, the query waits until the read model has applied that command."
        api.add(operation)
      }
    }
  }

  /// The answer now, and each other one that there is later.
  private func live(
    _ query: RegisteredQuery, _ hub: LiveQueryHub, _ request: APIRequest
  ) async throws -> JSONResponse {
    guard let place = viewers.share() else {
      throw Overloaded("\(viewers.limit) viewers watch queries")
    }
    do {
      let viewer = try await hub.join(LiveQuestion(query, request))
      let first = try await viewer.first()
      return try await JSONResponse(
        events: LiveAnswers(
          viewer, first: first, isKnown: request.has(first.tag),
          request: RequestID(request.headers)),
        place: place)
    } catch let refusal as LiveRefusal {
      return refusal.response
    }
  }

  /// The generation that answers a request, once it has what the request asks to see.
  private func reader(
    _ source: OpenedReadModel, _ request: APIRequest
  ) async throws -> any ReadModelSource {
    let longest = UInt64(ConsistencyToken.longestWait.components.seconds)
    let seconds = try request.number("wait", default: 5, in: 0...longest)
    guard let token = try request.consistencyToken() else { return try await source.open() }
    guard let place = waiting.share() else {
      throw Overloaded("\(waiting.limit) queries are waiting for a token")
    }
    defer { withExtendedLifetime(place) {} }
    let start = ContinuousClock.now
    defer { tokenWait.recordNanoseconds((ContinuousClock.now - start).nanoseconds) }
    return try await token.wait(atMost: .seconds(Int64(seconds))) { try await source.open() }
  }

  /// What the read models' databases tell, whichever process works on them, for gauges: each by itself.
  var gauges: [GaugeLooks.Source] {
    let waiting = waiting
    var gauges: [GaugeLooks.Source] = [
      { [.init(label: MetricName.waitingQueries): Double(waiting.inUse)] }
    ]
    for (definition, source) in sources {
      let name = definition.name
      gauges.append { await source.gauges(of: name) }
    }
    return gauges
  }
}

extension OpenedReadModel {
  /// Of a database that can't be read there are no gauges, and readiness says why.
  fileprivate func gauges(of readModel: String) async -> GaugeLooks.Values {
    guard let reader = try? await open(), let parked = try? await reader.parkedStreamCount(),
      let checkpoints = try? await reader.checkpoints()
    else { return [:] }
    var values: GaugeLooks.Values = [
      .init(label: MetricName.parkedStreams, readModel: readModel): Double(parked)
    ]
    for checkpoint in checkpoints {
      let key = ScrapedGauges.Key(
        label: MetricName.appliedPosition, store: reader.storeID, readModel: readModel,
        partition: checkpoint.partition)
      values[key] = Double(checkpoint.position ?? 0)
    }
    return values
  }
}

extension ReadModelDefinition {
  /// The read model without its type.
  package var anyModel: any ReadModel { model }
}

extension APIRequest {
  /// Whether an answer had better come as events than as a whole.
  fileprivate var prefersEvents: Bool {
    QualityList(headers[.accept] ?? "").best(of: ["application/json", EventWriter.contentType])
      == EventWriter.contentType
  }

  /// Whether the asker has a query's answer already.
  /// - Throws: an answer 412 where the request is for another one.
  fileprivate func has(_ tag: EntityTag) throws -> Bool {
    if EventWriter.lastEventID.flatMap({ headers[$0] }) == tag.value { return true }
    switch try Precondition(headers).reading(tag) {
    case .answer: return false
    case .notModified: return true
    case .failed: throw RequestError.preconditionFailed(at: tag)
    }
  }
}
