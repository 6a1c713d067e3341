import Eventually
import Foundation
import EventuallyServer

/// Clients that send commands over HTTP, whatever happens to the writer, and remember what it acknowledged.
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
    var replays = 0
  }

  private let endpoints: [HTTPEndpoint]
  private let application: any TortureApplication
  private let seed: UInt64
  private let entities: Int
  private let pause: Duration
  private let timeout: Duration
  private let state = Locked(State())

  /// - Parameters:
  ///   - endpoints: the writers; what one does not answer is sent to the next.
  ///   - entities: how many entities there are commands for.
  ///   - rate: how many of them the clients begin together in a second, at most.
  ///   - timeout: how long a client waits for an answer, before it sends the same to the next writer.
  init(
    _ endpoints: [HTTPEndpoint], of application: any TortureApplication, seed: UInt64,
    entities: Int, rate: Int, timeout: Duration
  ) {
    self.endpoints = endpoints
    self.application = application
    self.seed = seed
    self.entities = entities
    self.timeout = timeout
    pause = .seconds(1) * Self.clients / rate
  }

  private static let clients = 6

  var acknowledged: [Acknowledged] { state.withLock { $0.acknowledged } }
  /// Streams that were erased; what was acknowledged of them before need not be there.
  var removed: Set<String> { state.withLock { $0.removed } }
  /// What clients were told that they must not be told.
  var failures: [String] { state.withLock { $0.failures } }
  /// How many entities have been begun.
  var begun: Int { state.withLock { $0.next - 1 } }
  /// How often the writer answered with a status that is not success.
  func refusals(_ status: UInt) -> Int { state.withLock { $0.refusals[status] ?? 0 } }

  /// How many requests had had their effect when they were sent again.
  var replays: Int { state.withLock { $0.replays } }

  /// Begins no further entities; those that are begun are finished.
  func stop() {
    state.withLock { $0.next = entities + 1 }
  }

  /// Sends all commands.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<Self.clients { group.addTask { await self.sendAll() } }
    }
  }

  private func sendAll() async {
    while !Task.isCancelled, let number = takeNumber() {
      do {
        try await sendCommands(number)
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
      guard state.next <= entities else { return nil }
      defer { state.next += 1 }
      return state.next
    }
  }

  /// Sends the commands of an entity, which some erase again.
  private func sendCommands(_ number: Int) async throws {
    let entity = application.commands(number, seed: seed)
    var version: Version = 0
    for command in entity.commands {
      version += Version(command.events)
      try await send(command, to: entity.id, reaching: version)
    }
    if number % 40 == 0, application.abilities.contains(.removal) {
      // Before it is carried out, since nobody knows that of a request whose answer is lost.
      state.withLock { _ = $0.removed.insert(application.stream(of: entity.id)) }
      let status = try await send("DELETE", application.path(of: entity.id), nil).status
      guard [200, 202, 404].contains(status) else {
        throw NotAsExpected("erasing \(entity.id) was answered \(status)")
      }
    }
  }

  private func send(
    _ command: EntityCommand, to id: String, reaching version: Version
  ) async throws {
    let answer = try await send(
      "POST", command.path, Array(command.json.utf8), expecting: command.expectedVersion,
      key: "\(id) \(version)")
    switch answer.status {
    case 200:
      let acknowledged = try Self.acknowledged(answer.body, application.stream(of: id))
      guard acknowledged.version == version else {
        throw NotAsExpected("\(id) is at version \(acknowledged.version) after \(command.path)")
      }
      state.withLock { $0.acknowledged.append(acknowledged) }
    default:
      let words = String(decoding: answer.body, as: UTF8.self)
      throw NotAsExpected("\(command.path) was answered \(answer.status): \(words)")
    }
  }

  static func acknowledged(_ body: [UInt8], _ streamID: String) throws -> Acknowledged {
    guard let json = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
      let version = json["version"] as? Int, let number = json["sequenceNumber"] as? Int,
      let token = json["token"] as? String
    else {
      throw NotAsExpected("an answer without a part: \(String(decoding: body, as: UTF8.self))")
    }
    return Acknowledged(
      streamID: streamID, version: Version(version), sequenceNumber: UInt64(number), token: token)
  }

  /// Sends until the writer takes or refuses it: it may be down, or its disk full, for a while.
  private func send(
    _ method: String, _ path: String, _ body: [UInt8]?, expecting version: Version? = nil,
    key: String? = nil
  ) async throws -> (status: UInt, body: [UInt8]) {
    let deadline = ContinuousClock.now + .seconds(120)
    var attempt = Int.random(in: endpoints.indices)
    while true {
      let endpoint = endpoints[attempt % endpoints.count]
      attempt += 1
      if let answer = try? await endpoint.ask(
        method, path, body: body, expecting: version, idempotencyKey: key, timeout: timeout)
      {
        if answer.status != 503 && answer.status != 507 {
          if answer.isReplayed { state.withLock { $0.replays += 1 } }
          return (answer.status, answer.body)
        }
        state.withLock { $0.refusals[answer.status, default: 0] += 1 }
      }
      guard ContinuousClock.now < deadline else { break }
      try await Task.sleep(for: .milliseconds(100))
    }
    throw NotAsExpected("\(method) \(path) was not answered within two minutes")
  }
}
