import Eventually
import Foundation
import Orders
import OrdersApp

/// Clients that place orders over HTTP, whatever happens to the writer, and remember what it acknowledged.
final class Load: Sendable {
  /// An append that the writer acknowledged.
  struct Acknowledged: Sendable, Hashable {
    var streamID: String
    var version: Version
    var sequenceNumber: UInt64
    var token: String
  }

  private struct State {
    var next = 1
    var acknowledged: [Acknowledged] = []
    var removed: Set<String> = []
    var failures: [String] = []
    var refusals: [UInt: Int] = [:]
  }

  private let endpoint: HTTPEndpoint
  private let generator: OrderGenerator
  private let orders: Int
  private let pause: Duration
  private let state = Locked(State())

  /// - Parameter rate: how many orders a second the clients place together, at most.
  init(_ endpoint: HTTPEndpoint, seed: UInt64, orders: Int, rate: Int) {
    self.endpoint = endpoint
    self.orders = orders
    generator = OrderGenerator(seed: seed)
    pause = .seconds(1) * Self.clients / rate
  }

  private static let clients = 6

  var acknowledged: [Acknowledged] { state.withLock { $0.acknowledged } }
  /// Orders that were erased; what was acknowledged of them before need not be there.
  var removed: Set<String> { state.withLock { $0.removed } }
  /// What clients were told that they must not be told.
  var failures: [String] { state.withLock { $0.failures } }
  /// How many orders have been begun.
  var begun: Int { state.withLock { $0.next - 1 } }
  /// How often the writer answered with a status that is not success.
  func refusals(_ status: UInt) -> Int { state.withLock { $0.refusals[status] ?? 0 } }

  /// Begins no further orders; those that are begun are finished.
  func stop() {
    state.withLock { $0.next = orders + 1 }
  }

  /// Places all orders.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<Self.clients { group.addTask { await self.placeAll() } }
    }
  }

  private func placeAll() async {
    while !Task.isCancelled, let number = takeNumber() {
      do {
        try await place(number)
      } catch {
        if Task.isCancelled { return }
        state.withLock { $0.failures.append("\(error)") }
        // The scenario has failed already; the others would only take their time to find that out.
        stop()
      }
      // Clients with a pace of their own.
      try? await Task.sleep(for: pause)
    }
  }

  private func takeNumber() -> Int? {
    state.withLock { state in
      guard state.next <= orders else { return nil }
      defer { state.next += 1 }
      return state.next
    }
  }

  /// Places an order as one append, or in three; some are erased again.
  private func place(_ number: Int) async throws {
    let id = generator.id(number)
    let events = generator.events(number)
    var parts = [events[...]]
    if number % 3 == 0, events.count >= 3 {
      parts = [events[..<1], events[1..<2], events[2...]]
    }
    var version: Version = 0
    for part in parts {
      try await append(Array(part), to: id, expecting: version)
      version += Version(part.count)
    }
    if number % 40 == 0 {
      // Before it is carried out, since nobody knows that of a request whose answer is lost.
      state.withLock { _ = $0.removed.insert(id) }
      let status = try await send("DELETE", "/orders/\(id)", nil).status
      guard [200, 202, 404].contains(status) else {
        throw NotAsExpected("erasing \(id) was answered \(status)")
      }
    }
  }

  private func append(_ events: [OrderEvent], to id: String, expecting version: Version)
    async throws
  {
    let body = OrderJSON.writeCommands(for: events, expecting: version)
    let answer = try await send("POST", "/orders/\(id)/commands", body)
    switch answer.status {
    case 200:
      let acknowledged = try Self.acknowledged(answer.body, id)
      guard acknowledged.version == version + Version(events.count) else {
        throw NotAsExpected("\(id) is at version \(acknowledged.version) after its commands")
      }
      state.withLock { $0.acknowledged.append(acknowledged) }
    case 409 where answer.attempts > 1:
      // An earlier attempt whose answer was lost was carried out.
      let actual = try await currentVersion(id)
      guard actual == version + Version(events.count) else {
        throw NotAsExpected("\(id) is at version \(actual), though nobody else changes it")
      }
    default:
      let words = String(decoding: answer.body, as: UTF8.self)
      throw NotAsExpected("commands on \(id) were answered \(answer.status): \(words)")
    }
  }

  static func acknowledged(_ body: [UInt8], _ id: String) throws -> Acknowledged {
    guard let json = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
      let version = json["version"] as? Int, let number = json["sequenceNumber"] as? Int,
      let token = json["token"] as? String
    else {
      throw NotAsExpected("an answer without a part: \(String(decoding: body, as: UTF8.self))")
    }
    return Acknowledged(
      streamID: id, version: Version(version), sequenceNumber: UInt64(number), token: token)
  }

  private func currentVersion(_ id: String) async throws -> Version {
    let answer = try await send("GET", "/orders/\(id)", nil)
    guard let json = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any],
      let version = json["version"] as? Int
    else { return 0 }
    return Version(version)
  }

  /// Sends until the writer takes or refuses it: it may be down, or its disk full, for a while.
  private func send(
    _ method: String, _ path: String, _ body: [UInt8]?
  ) async throws -> (status: UInt, body: [UInt8], attempts: Int) {
    let deadline = ContinuousClock.now + .seconds(120)
    for attempt in 1... {
      if let answer = try? await endpoint.send(method, path, body: body, timeout: .seconds(10)) {
        if answer.status != 503 && answer.status != 507 {
          return (answer.status, answer.body, attempt)
        }
        state.withLock { $0.refusals[answer.status, default: 0] += 1 }
      }
      guard ContinuousClock.now < deadline else { break }
      try await Task.sleep(for: .milliseconds(100))
    }
    throw NotAsExpected("\(method) \(path) was not answered within two minutes")
  }
}
