import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix

/// A server that no answer came from.
package struct HTTPUnreachable: Error, CustomStringConvertible {
  /// Which server.
  package var url: String
  package var cause: any Error

  package var description: String {
    if let error = cause as? HTTPClientError, Self.timeouts.contains(error) {
      return "\(url) has not answered in time"
    }
    return "\(url) can't be reached: \(Self.words(cause))"
  }

  private static let timeouts: [HTTPClientError] = [
    .connectTimeout, .deadlineExceeded, .readTimeout, .writeTimeout, .tlsHandshakeTimeout,
    .getConnectionFromPoolTimeout,
  ]

  /// The system's words, where it was the system that failed.
  private static func words(_ error: any Error) -> String {
    switch error {
    case let error as IOError:
      // "connection refused": it stands within a sentence.
      let text = String(cString: strerror(error.errnoCode))
      return text.prefix(1).lowercased() + text.dropFirst()
    case let error as NIOConnectionError:
      if let last = error.connectionErrors.last { return words(last.error) }
      return "the host '\(error.host)' has no known address"
    case let error as HTTPClientError where error == .remoteConnectionClosed:
      return "the connection was closed before an answer"
    default: return "\(error)"
    }
  }
}
