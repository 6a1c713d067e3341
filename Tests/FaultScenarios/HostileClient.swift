import Eventually
import Foundation
import EventuallyServer

/// A client that sends what it should not, and notes what it is answered.
final class HostileClient: Sendable {
  private struct State {
    var sent = 0
    var refused = 0
    var acknowledged: [Load.Acknowledged] = []
    var removed: Set<String> = []
    var failures: [String] = []
  }

  /// Connections that are held at the same time.
  private static let held = 40

  private let endpoint: HTTPEndpoint
  private let port: UInt16
  private let seed: UInt64
  private let requests: Int
  private let hasZero: Bool
  private let state = Locked(State())

  init(_ endpoint: HTTPEndpoint, seed: UInt64, requests: Int, hasZero: Bool) throws {
    self.endpoint = endpoint
    guard let port = endpoint.base.split(separator: ":").last.flatMap({ UInt16($0) }) else {
      throw NotAsExpected("\(endpoint.base) has no port")
    }
    self.port = port
    self.seed = seed
    self.requests = requests
    self.hasZero = hasZero
  }

  var sent: Int { state.withLock { $0.sent } }
  var acknowledged: [Load.Acknowledged] { state.withLock { $0.acknowledged } }
  /// Orders that were erased; what was acknowledged of them before need not be there.
  var removed: Set<String> { state.withLock { $0.removed } }
  /// Answers that are neither an acceptance nor a documented refusal.
  var failures: [String] { state.withLock { $0.failures } }

  /// Sends everything, some of it at the same time.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      for part in 0..<4 as Range<UInt64> { group.addTask { await self.send(part) } }
    }
  }

  func add(to tally: Tally) {
    let (sent, refused) = state.withLock { ($0.sent, $0.refused) }
    tally.add(.hostileRequests, sent)
    tally.add(.hostileRefused, refused)
  }

  private func send(_ part: UInt64) async {
    var random = HostileRequests(seed: seed &* 4 &+ part, hasZero: hasZero)
    var held: [RawConnection] = []
    for _ in 0..<requests / 4 where !Task.isCancelled {
      do {
        switch random.next() {
        case .http(let method, let path, let body, let order):
          try await send(method, path, body, order)
        case .raw(let bytes, let isHeld):
          let connection = try RawConnection(port: port)
          await connection.write(bytes)
          if isHeld {
            held.append(connection)
            if held.count > Self.held / 4 { held.removeFirst() }
          } else {
            take(await connection.status() ?? 400, "on a connection", bytes)
          }
        }
        state.withLock { $0.sent += 1 }
      } catch {
        state.withLock { $0.failures.append("\(error)") }
      }
    }
  }

  /// Sends a request of the client library's; where that or the server gives up, the server must still be there.
  private func send(_ method: String, _ path: String, _ body: [UInt8]?, _ order: String?)
    async throws
  {
    if method == "DELETE", let order { state.withLock { _ = $0.removed.insert(order) } }
    let answer: (status: UInt, body: [UInt8])
    do {
      answer = try await endpoint.send(method, path, body: body, timeout: .seconds(30))
    } catch {
      guard try await endpoint.text("/healthz").status == 200 else {
        throw NotAsExpected(
          "the writer is not healthy after \(method) \(path.prefix(200)): \(error)")
      }
      return
    }
    take(Int(answer.status), "\(method) \(path.prefix(200))", body ?? [], answer.body)
    guard answer.status == 200, method == "POST", let order else { return }
    let acknowledged = try Load.acknowledged(answer.body, order)
    state.withLock { $0.acknowledged.append(acknowledged) }
  }

  private func take(_ status: Int, _ request: String, _ sent: [UInt8], _ answer: [UInt8] = []) {
    state.withLock { state in
      switch status {
      // Of a removal whose payloads are emptied later.
      case 200, 202: break
      case 400...499, 503, 507: state.refused += 1
      default:
        state.failures.append(
          "\(request) was answered \(status) \(String(decoding: answer.prefix(300), as: UTF8.self)): "
            + "\(String(decoding: sent.prefix(300), as: UTF8.self))")
      }
    }
  }
}
