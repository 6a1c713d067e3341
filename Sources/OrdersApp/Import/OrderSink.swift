import Eventually
import EventuallySQLite
import NIOCore
import Orders

/// Where imported and simulated orders go.
protocol OrderSink: Sendable {
  /// How many orders are worth sending at the same time.
  var concurrency: Int { get }
  /// Places a whole order, where there is none with its id.
  func place(_ id: String, _ events: [OrderEvent]) async throws -> Placement
}

/// What became of an order.
enum Placement: Sendable {
  case placed
  /// It was there already, with just these events.
  case wasThere
  /// There is another one with its id.
  case differs
}

/// Appends to a store that this process is the writer of.
struct StoreSink: OrderSink {
  let store: OrderStore
  let concurrency = 128

  func place(_ id: String, _ events: [OrderEvent]) async throws -> Placement {
    while true {
      do {
        _ = try await store.append(events, to: id, expecting: .exact(0))
        return .placed
      } catch {
        if case .conflict = error { break }
        guard case .overloaded = error else { throw error }
      }
      // What waits already is being appended.
      try await Task.sleep(for: .milliseconds(20))
    }
    var found: [OrderEvent] = []
    for try await persisted in store.stream(id, .all) { found.append(persisted.event) }
    return found == events ? .wasThere : .differs
  }
}

/// Sends commands to a running writer.
struct WriterSink: OrderSink {
  let endpoint: HTTPEndpoint
  let concurrency = 48

  func place(_ id: String, _ events: [OrderEvent]) async throws -> Placement {
    let path = "/orders/\(id)/commands"
    let body = OrderJSON.writeCommands(for: events)
    let answer = try await send(path, body)
    if answer.status == 200 { return .placed }
    guard answer.status == 409 else {
      throw HTTPFailure(
        url: endpoint.base + path, status: answer.status,
        body: String(decoding: answer.body.prefix(500), as: UTF8.self))
    }
    let found = try await history(id)
    return found == events ? .wasThere : .differs
  }

  /// Sends until the writer answers: it may be starting again. A command that was carried out though its
  /// answer was lost is found by the conflict that the next attempt meets.
  private func send(
    _ path: String, _ body: [UInt8]
  ) async throws -> (status: UInt, body: [UInt8]) {
    var generator = SystemRandomNumberGenerator()
    let retry = RetryPolicy(
      attempts: 12, firstPause: .milliseconds(100), longestPause: .seconds(5))
    for attempt in 1... {
      do {
        let answer = try await endpoint.send("POST", path, body: body, timeout: .seconds(60))
        if answer.status != 503 || attempt >= retry.attempts { return answer }
      } catch {
        if attempt >= retry.attempts {
          throw Failure("the writer at \(endpoint.base) does not answer: \(error)")
        }
      }
      try await Task.sleep(for: retry.pause(afterFailures: attempt, using: &generator))
    }
    preconditionFailure("the loop ends by its attempts")
  }

  private func history(_ id: String) async throws -> [OrderEvent] {
    let body = try await endpoint.get("/orders/\(id)/history")
    let codec = OrderEventCodec()
    var reader = JSONReader(body.span)
    var events: [OrderEvent] = []
    try reader.beginArray()
    while try reader.nextElement() {
      let event = reader.slice(try reader.skip())
      let record = try OrderJSON.record(event.span)
      guard case .event(let persisted) = try record.entry(decodedBy: codec) else { continue }
      events.append(persisted.event)
    }
    return events
  }
}
