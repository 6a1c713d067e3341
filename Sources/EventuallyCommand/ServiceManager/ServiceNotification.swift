import Eventually
import Foundation

/// What a process tells its service manager: a datagram of lines as `sd_notify(3)` has them.
struct ServiceNotification: Sendable, Equatable {
  private(set) var lines: [String] = []

  static let watchdog = ServiceNotification(lines: ["WATCHDOG=1"])
  static let stopping = ServiceNotification(lines: ["STOPPING=1", "STATUS=stopping"])

  /// What is sent.
  var text: String { lines.joined(separator: "\n") }

  /// Adds what `systemctl status` shows: one line, and not more of it than a datagram takes.
  mutating func add(status: String) {
    var line = "STATUS="
    for scalar in printable(status).unicodeScalars {
      guard line.utf8.count < 1_000 else { break }
      line.unicodeScalars.append(scalar)
    }
    lines.append(line)
  }

  mutating func addReady() { lines.append("READY=1") }
}

/// How far a process's start is, and what of it has been told.
struct ServiceStart: Sendable, Equatable {
  /// What a start waits for may be in nobody's hands here: a broker that is away, the first event of all. After so long a process
  /// that serves counts as started, so that those that are ordered after it start; its status tells what it waits for.
  static let limit = Duration.seconds(30)

  /// Whether the start is over.
  private(set) var isOver = false
  private var status = ""

  /// Takes what the servers tell of themselves, so long after the process began to tell.
  /// - Returns: what is to be told of that, if anything is new.
  mutating func observe(_ servers: [ServerStatus], after elapsed: Duration) -> ServiceNotification?
  {
    var notification = ServiceNotification()
    let serve = servers.allSatisfy { $0.url != nil }
    if !isOver, serve, elapsed >= Self.limit || servers.allSatisfy(\.isReady) {
      isOver = true
      notification.addReady()
    }
    let status = servers.map(\.description).joined(separator: "; ")
    if status != self.status {
      self.status = status
      notification.add(status: status)
    }
    return notification.lines.isEmpty ? nil : notification
  }
}

/// What one of a process's servers tells of itself.
struct ServerStatus: Sendable, CustomStringConvertible {
  /// Where it serves; `nil` as long as it does not.
  var url: String?
  /// Whether `/readyz` is answered with 200; also where there is no such path.
  var isReady: Bool
  private var report: Report?

  /// What is taken from the answer of `/readyz`.
  private struct Report: Decodable {
    var reasons: [String]
    var head: UInt64?
    var published: UInt64?
    var readModel: String?
    var lag: UInt64?
  }

  /// A server's status.
  /// - Parameter readiness: the answer of `/readyz`; `nil` where there is no such path.
  init(url: String?, readiness: (isGood: Bool, body: [UInt8])?) {
    self.url = url
    isReady = readiness?.isGood ?? true
    report = readiness.flatMap { try? JSONDecoder().decode(Report.self, from: Data($0.body)) }
  }

  /// One line: where it serves, whether it is ready, how far it is, and why it is not ready.
  var description: String {
    var parts = [url.map { "serving \($0)" } ?? "starting"]
    if url != nil { parts.append(isReady ? "ready" : "not ready") }
    if let head = report?.head, let published = report?.published {
      parts.append("head \(head), published \(published)")
    }
    if let readModel = report?.readModel { parts.append(readModel) }
    if let lag = report?.lag { parts.append("lag \(lag)") }
    let reasons = report?.reasons ?? []
    return parts.joined(separator: ", ")
      + (reasons.isEmpty ? "" : ": " + reasons.joined(separator: "; "))
  }
}
