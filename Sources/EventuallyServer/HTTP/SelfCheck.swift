import Eventually
import HTTPTypes
import NIOCore
import NIOPosix

/// What a process asks of its own server, without a connection.
extension HTTPServer {
  /// What `/healthz` or `/readyz` answers; `nil` where the interface has no such path.
  package func answer(at path: String) async -> (isGood: Bool, body: [UInt8])? {
    guard api.operations.contains(where: { $0.path == path }) else { return nil }
    let answer = await api.answer(APIRequest(.get, path))
    return (answer.status == .ok, answer.bytes)
  }

  /// Returns once each of the threads that serve connections has done something: never where one of them hangs.
  package static func passEventLoops() async throws {
    for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() {
      try await loop.submit {}.get()
    }
  }
}
