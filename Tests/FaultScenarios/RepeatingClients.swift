import Eventually
import EventuallyServer
import Foundation

/// Clients that add the same line to an order again and again, and repeat each request until it is answered: one that was carried
/// out though its answer was lost would have a second effect, but for its key.
final class RepeatingClients: Sendable {
  private struct State {
    /// How many commands each order was sent; one that was erased is none.
    var orders: [String: Int] = [:]
    var requests = 0
    /// How many had had their effect when they were sent again.
    var replays = 0
    var failures: [String] = []
    var isStopped = false
  }

  private static let clients = 6
  private static let lines = 12
  private let endpoint: HTTPEndpoint
  private let seed: UInt64
  private let usesKeys: Bool
  private let state = Locked(State())

  /// - Parameter usesKeys: whether requests have keys.
  init(_ endpoint: HTTPEndpoint, seed: UInt64, usesKeys: Bool = true) {
    self.endpoint = endpoint
    self.seed = seed
    self.usesKeys = usesKeys
  }

  var requests: Int { state.withLock { $0.requests } }
  var replays: Int { state.withLock { $0.replays } }
  var failures: [String] { state.withLock { $0.failures } }

  /// Begins no further orders; those that are begun are finished.
  func stop() { state.withLock { $0.isStopped = true } }

  /// Sends requests until it is stopped.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      for client in 0..<Self.clients { group.addTask { await self.run(client) } }
    }
  }

  private func run(_ client: Int) async {
    var number = 0
    while !Task.isCancelled, !state.withLock({ $0.isStopped }) {
      number += 1
      do {
        try await placeOrder("R\(seed)-\(client)-\(number)", isErased: usesKeys && number % 3 == 0)
      } catch {
        if Task.isCancelled { return }
        state.withLock { $0.failures.append("\(error)") }
        stop()
      }
    }
  }

  private func placeOrder(_ id: String, isErased: Bool) async throws {
    try await send("POST", "create", #"{"country":"France"}"#, to: id, reaching: 1)
    state.withLock { $0.orders[id] = 1 }
    for line in 1...Self.lines {
      try await send(
        "POST", "add-item", #"{"sku":"A","quantity":1,"unitPrice":"1.00"}"#, to: id,
        reaching: line + 1)
      state.withLock { $0.orders[id] = line + 1 }
    }
    if isErased {
      try await send("DELETE", "", nil, to: id, reaching: nil)
      state.withLock { _ = $0.orders.removeValue(forKey: id) }
    }
  }

  /// Sends a request until it is answered; the answer must be that it was done, and led to a version.
  private func send(
    _ method: String, _ command: String, _ json: String?, to id: String, reaching version: Int?
  ) async throws {
    let key = usesKeys ? "\(command) \(version ?? 0)" : nil
    let path = "/orders/\(id)" + (command.isEmpty ? "" : "/\(command)")
    let deadline = ContinuousClock.now + .seconds(120)
    state.withLock { $0.requests += 1 }
    while true {
      let answer = try? await endpoint.ask(
        method, path, body: json.map { Array($0.utf8) }, idempotencyKey: key, timeout: .seconds(10))
      if let answer, answer.status != 503 {
        let body = String(decoding: answer.body, as: UTF8.self)
        guard isRight(answer.status, body, method, command, version) else {
          throw NotAsExpected("\(method) \(path) was answered \(answer.status): \(body)")
        }
        if answer.isReplayed { state.withLock { $0.replays += 1 } }
        return
      }
      guard ContinuousClock.now < deadline else { break }
      try await Task.sleep(for: .milliseconds(20))
    }
    throw NotAsExpected("\(method) \(path) was not answered within two minutes")
  }

  private func isRight(
    _ status: UInt, _ body: String, _ method: String, _ command: String, _ version: Int?
  ) -> Bool {
    // An erasure whose answer was lost is done.
    guard let version else { return [200, 202, 404].contains(status) }
    // Without keys, one whose answer was lost is found out at the end.
    guard usesKeys else { return status == 200 || command == "create" && status == 409 }
    return status == 200 && body.contains("\"version\":\(version),")
  }

  /// Each command has had its effect once: an order has as many events as it was sent commands.
  func check() async throws {
    if let failure = failures.first { throw NotAsExpected(failure) }
    for (id, count) in state.withLock({ $0.orders }) {
      let order = try await endpoint.get("/orders/\(id)")
      let json = try JSONSerialization.jsonObject(with: Data(order)) as? [String: Any]
      guard json?["version"] as? Int == count else {
        throw NotAsExpected(
          "\(id) is at version \(json?["version"] ?? "none") after \(count) commands, each of one event"
        )
      }
    }
  }
}
