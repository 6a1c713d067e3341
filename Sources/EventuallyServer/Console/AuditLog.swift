import Eventually
import Logging

/// Who changed what by the console, and what came of it: in the process's log, and the last of it for pages.
final class AuditLog: Sendable {
  /// What a change was about.
  struct Note: Sendable {
    /// What it was done to.
    var target: String
    /// What came of it.
    var outcome = "done"
    /// Whether nothing was changed, as was asked for.
    var isTrial = false

    init(target: String, outcome: String = "done") {
      self.target = target
      self.outcome = outcome
    }
  }

  struct Entry: Sendable {
    var time: Timestamp
    var who: String
    var what: String
    var target: String
    var outcome: String
    var address: String

    func write(_ json: inout JSONWriter) {
      json.beginObject()
      json.member("time", time.description)
      json.member("who", who)
      json.member("what", what)
      json.member("target", target)
      json.member("outcome", outcome)
      json.member("address", address)
      json.endObject()
    }
  }

  private static let kept = 100
  private let logger: Logger
  private let entries = Locked<[Entry]>([])

  init(_ logger: Logger) {
    self.logger = logger
  }

  /// The last changes, the newest first.
  var newest: [Entry] { entries.withLock { $0.reversed() } }

  func add(_ what: String, _ note: Note, by request: APIRequest) {
    add(
      what, note, by: request.asker.name ?? "unnamed", address: request.asker.address,
      request: request.id)
  }

  /// - Parameter who: `nil` for somebody who is not known.
  func add(_ what: String, _ note: Note, by who: String?, address: String, request: String) {
    let entry = Entry(
      time: .now(), who: who ?? "nobody", what: what, target: note.target.excerpt(200),
      outcome: note.outcome.excerpt(400), address: address)
    entries.withLock { entries in
      entries.append(entry)
      if entries.count > Self.kept { entries.removeFirst() }
    }
    logger.notice(
      "audit",
      metadata: [
        "who": "\(entry.who)", "what": "\(what)", "target": "\(entry.target)",
        "outcome": "\(entry.outcome)", "address": "\(address)", "request": "\(request)",
      ])
  }
}
