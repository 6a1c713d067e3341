import Eventually
import HTTPTypes
import Logging

/// The pages that show what a process can see of the pipeline, under `/console`: what all of its routes need.
///
/// Each area of it adds its routes in a function of its own, see ``routes``.
struct Console: Sendable {
  let application: ApplicationModel
  let process: ConsoleProcess
  let options: ConsoleOptions
  let sources: ConsoleSources
  let access: ConsoleAccess
  let audit: AuditLog
  let masking: Masking
  let hub: ConsoleHub
  let overview: Overview
  let charts = Charts()
  let replays: ReplayRunner
  let limits: ServerLimits
  let logger: Logger
  /// Questions that are answered at a time.
  let questions = Budget(8)
  /// How often the topic is looked into at a time.
  let topicLookUps = Budget(2)
  private let viewers: Budget

  /// The console of an interface, for the server that serves it; `nil` where it is to have none.
  /// - Parameters:
  ///   - isLoopback: whether only processes on this machine reach the server.
  ///   - isEncrypted: whether it is reached by TLS only.
  init?(of api: API, isLoopback: Bool, isEncrypted: Bool, logger: Logger) {
    guard api.console.isServed, let parts = api.consoleParts else { return nil }
    application = parts.application
    process = parts.process
    options = api.console
    sources = ConsoleSources(parts, options: api.console)
    access = ConsoleAccess(tokens: api.tokens, isLoopback: isLoopback, isEncrypted: isEncrypted)
    audit = AuditLog(logger)
    masking = api.console.masking
    hub = ConsoleHub(logger)
    overview = Overview(PipelineWatch(sources, process: process))
    replays = ReplayRunner(logger)
    limits = api.limits
    viewers = Budget(api.limits.consoleViewers)
    self.logger = logger
  }

  /// Everything under `/console`.
  var routes: API {
    var api = API(title: "Console", summary: "")
    addFiles(to: &api)
    addSessions(to: &api)
    addAbout(to: &api)
    addFind(to: &api)
    addOverview(to: &api)
    addCharts(to: &api)
    addStreams(to: &api)
    addRows(to: &api)
    addReadModels(to: &api)
    addParked(to: &api)
    addEvents(to: &api)
    addPages(to: &api)
    return api
  }

  /// What the console does all the time, for as long as the server serves.
  func run() async {
    // The server that stops does not wait for a look at a database that hangs.
    let looking = Task.detached { await charts.run { await overview.frame() } }
    await PositionSignal(at: 0).wait(past: 0)
    looking.cancel()
  }
}

extension Console {
  /// A question, `GET /console/api/…`. At most eight are answered at a time, each within two seconds.
  /// - Parameter path: below `/console/api/`.
  func question(
    _ path: String, role: AccessRole = .read, _ answer: @escaping API.Handler
  ) -> API.Operation {
    API.Operation(.get, "/console/api/\(path)", "", role: role, answers: []) { request in
      guard let share = questions.share() else {
        throw Overloaded("the console answers \(questions.limit) questions already")
      }
      let task = Task {
        // Given back when it ends, and not when somebody has ceased to wait for it.
        defer { withExtendedLifetime(share) {} }
        return await Result { try await answer(request) }
      }
      guard let found = await task.value(within: options.questionLimit) else {
        task.cancel()
        throw RequestError(
          kind: .unavailable,
          "no answer within \(options.questionLimit.components.seconds) s: the overview tells whether store and read models answer; if they do, ask for less, by a category or a time for example"
        )
      }
      return try found.get()
    }
  }

  /// A question whose answers can be followed: with `Accept: text/event-stream` it is answered again and again.
  /// - Parameters:
  ///   - path: below `/console/api/`.
  ///   - topic: what is asked; all who ask the same share its answers.
  func topic(
    _ path: String, _ topic: @escaping @Sendable (APIRequest) async throws -> ConsoleTopic
  ) -> API.Operation {
    let once = question(path) { request in
      let frame = try await topic(request).produce()
      return JSONResponse { $0.raw(frame.json) }
    }
    return live(path, once: once.handler) { request in
      let topic = try await topic(request)
      let viewer = await hub.join(topic)
      return try FrameSource(viewer, last: Self.lastEventID(of: request))
    }
  }

  /// A question that is answered once, or by a source of Server-Sent Events where these are asked for.
  func live(
    _ path: String, once: @escaping API.Handler,
    _ source: @escaping @Sendable (APIRequest) async throws -> some LiveSource
  ) -> API.Operation {
    API.Operation(.get, "/console/api/\(path)", "", role: .read, answers: []) { request in
      guard request.headers[.accept]?.hasPrefix(EventWriter.contentType) == true else {
        return try await once(request)
      }
      guard let place = viewers.share() else {
        throw Overloaded("\(viewers.limit) pages of the console are open")
      }
      let source = try await source(request)
      return try await JSONResponse(beats: source, place: place)
    }
  }

  /// What a viewer that comes again has had last; a page that opens a stream anew can't send the header.
  static func lastEventID(of request: APIRequest) throws -> String? {
    let header = EventWriter.lastEventID.flatMap { request.headers[$0] }
    return try header ?? request.parameter("lastEventID")
  }

  /// Something that changes something: it needs the role `administer`, and is written to the audit log whether or not it succeeds.
  /// - Parameters:
  ///   - path: below `/console/api/`.
  ///   - what: what is done, in a word or two: `retry`, `switch`.
  ///   - change: does it, and notes what it was done to and what came of it. What only tries sets `isTrial`.
  func change(
    _ method: HTTPRequest.Method, _ path: String, _ what: String,
    _ change: @escaping @Sendable (APIRequest, inout AuditLog.Note) async throws -> JSONResponse
  ) -> API.Operation {
    var operation = API.Operation(
      method, "/console/api/\(path)", what, role: .administer, answers: []
    ) { request in
      var note = AuditLog.Note(target: request.pathOnly.description)
      do {
        let response = try await change(request, &note)
        if !note.isTrial { audit.add(what, note, by: request) }
        return response
      } catch {
        note.outcome = "refused: \(error)"
        audit.add(what, note, by: request)
        throw error
      }
    }
    if method == .post { operation.body = .any }
    return operation
  }
}

extension Result where Failure == any Error {
  fileprivate init(catching body: () async throws -> Success) async {
    do {
      self = .success(try await body())
    } catch {
      self = .failure(error)
    }
  }
}
