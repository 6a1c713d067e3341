import HTTPTypes
import Hummingbird
import NIOCore

extension Request {
  /// A body may have at most this many bytes.
  static let maximumBody = 4 << 20
  /// A body must arrive within this time.
  static let bodyTimeLimit = Duration.seconds(10)

  /// The whole body.
  /// - Throws: an answer 413 where it is too large, and 408 where it takes too long.
  func wholeBody() async throws -> [UInt8] {
    if let length = headers[.contentLength].flatMap({ Int($0) }), length > Self.maximumBody {
      throw Self.tooLarge
    }
    return try await withThrowingTaskGroup(of: [UInt8].self) { group in
      group.addTask {
        do {
          return Array(try await body.collect(upTo: Self.maximumBody).readableBytesView)
        } catch is NIOTooManyBytesError {
          throw Self.tooLarge
        }
      }
      group.addTask {
        try await Task.sleep(for: Self.bodyTimeLimit)
        throw HTTPError(
          .requestTimeout, message: "the body did not arrive within \(Self.bodyTimeLimit)")
      }
      defer { group.cancelAll() }
      return try await group.next() ?? []
    }
  }

  private static let tooLarge = HTTPError(
    .contentTooLarge, message: "a body may have at most \(maximumBody) bytes")
}
