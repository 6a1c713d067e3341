import EventuallyServer
import Eventually
import Foundation
import NIOCore

/// Sends commands to a running writer.
struct WriterSink: OrderSink {
  let endpoint: HTTPEndpoint
  let concurrency = 48
  var contact: WriterContactLog?
  /// For how long a request is sent again that no writer takes.
  var patience = Duration.seconds(120)

  /// What an answer means for the order that was sent.
  enum Verdict: Sendable, Equatable {
    case placed
    /// There is an order with this id: it may be just this one.
    case exists
    /// The order is not taken, whenever it is sent.
    case refused
    /// The same request may be taken later.
    case later
    /// No order will be taken.
    case failure

    init(status: UInt) {
      self =
        switch status {
        case 200: .placed
        case 409, 412: .exists
        case 408, 429, 502, 503, 504, 507: .later
        case 401, 403, 404, 405: .failure
        case 400...499: .refused
        default: .failure
        }
    }
  }

  /// Makes sure that there is a writer, which takes the token.
  /// - Throws: ``Failure`` where there is none, or it does not answer.
  func check() async throws {
    let answer = try await send("GET", "/store", nil)
    guard answer.status == 200 else { throw failure("/store", answer) }
    do {
      _ = try StoreSummary(json: answer.body.span)
    } catch {
      throw Failure("\(endpoint.base) is no writer: name another with --url")
    }
  }

  func place(_ id: String, _ events: [OrderEvent]) async throws -> Placement {
    let path = "/orders/\(id)/commands"
    // Of this run alone: what an earlier one has placed is found by the version.
    let answer = try await send(
      "POST", path, OrderBody.commands(for: events), expecting: 0,
      idempotencyKey: UUID().uuidString)
    switch Verdict(status: answer.status) {
    case .placed: return .placed
    case .refused: return .refused(Self.reason(answer))
    case .later, .failure: throw failure(path, answer)
    case .exists:
      guard let found = try await history(id) else { return .refused(Self.reason(answer)) }
      return found == events ? .wasThere : .differs
    }
  }

  /// Sends until the writer answers: it may be starting again, or have no room for the moment. A command with a key that was
  /// carried out though its answer was lost is answered so at the next attempt.
  private func send(
    _ method: String, _ path: String, _ body: [UInt8]?, expecting version: Version? = nil,
    idempotencyKey: String? = nil
  ) async throws -> HTTPAnswer {
    var generator = SystemRandomNumberGenerator()
    let retry = RetryPolicy(firstPause: .milliseconds(100), longestPause: .seconds(5))
    let deadline = ContinuousClock.now + patience
    contact?.began()
    defer { contact?.ended() }
    for attempt in 1... {
      var pause = retry.pause(afterFailures: attempt, using: &generator)
      do {
        let answer = try await endpoint.ask(
          method, path, body: body, expecting: version, idempotencyKey: idempotencyKey,
          timeout: .seconds(60))
        if Verdict(status: answer.status) != .later {
          contact?.answered()
          return answer
        }
        if .now >= deadline { return answer }
        contact?.failed(Self.reason(answer))
        pause = max(pause, answer.retryAfter ?? .zero)
      } catch {
        try Task.checkCancellation()
        contact?.failed("\(error)")
        if .now >= deadline {
          throw Failure("the writer at \(endpoint.base) does not answer: \(error)")
        }
      }
      try await Task.sleep(for: pause)
    }
    preconditionFailure("the loop ends by its deadline")
  }

  /// The events of an order; `nil` where there is none.
  private func history(_ id: String) async throws -> [OrderEvent]? {
    let path = "/orders/\(id)/history"
    let answer = try await send("GET", path, nil)
    if answer.status == 404 { return nil }
    guard answer.status == 200 else { throw failure(path, answer) }
    let codec = OrderEventCodec()
    var reader = JSONReader(answer.body.span)
    var events: [OrderEvent] = []
    try reader.beginArray()
    while try reader.nextElement() {
      let event = reader.slice(try reader.skip())
      let record = try RecordJSON.record(event.span)
      guard case .event(let persisted) = try record.entry(decodedBy: codec) else { continue }
      events.append(persisted.event)
    }
    return events
  }

  private func failure(_ path: String, _ answer: HTTPAnswer) -> Failure {
    let advice =
      switch answer.status {
      case 401, 403: ": give a token of the role write with --token-file"
      case 404, 405: ": it is no writer, name another with --url"
      default: ""
      }
    return Failure("\(endpoint.base)\(path) answered \(Self.reason(answer))\(advice)")
  }

  /// The status, and what the writer says to it.
  private static func reason(_ answer: HTTPAnswer) -> String {
    let words =
      (try? message(answer.body)) ?? String(decoding: answer.body.prefix(200), as: UTF8.self)
    return "\(answer.status): \(words)"
  }

  /// The member `detail` of an answer.
  private static func message(_ body: [UInt8]) throws -> String? {
    var reader = JSONReader(body.span)
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if reader.isKey(key, "detail") { return try reader.string() }
      try reader.skip()
    }
    return nil
  }
}
