import Eventually
import Logging

/// Goes once through the events that a store had when its writer started, and tells which of them this code can't read.
///
/// What is appended from now on was read back before it was stored. What was there may come from other code, or be damaged.
final class StoreReadability: Sendable {
  /// What has been found so far.
  struct Findings: Sendable, Equatable {
    /// Events of known types whose payload can't be decoded. Read models park them.
    var unreadable = 0
    /// Events of unknown types. They hold their partitions.
    var unknown = 0
    /// The first event of either kind, and what is wrong with it.
    var first: String?
    /// The sequence number up to which events were looked at.
    var checked: UInt64 = 0
    /// The last sequence number that is looked at.
    var through: UInt64 = 0
    /// Of which types the newest events can't be decoded.
    var types = TypeReadability()
  }

  /// A page takes about a millisecond; with this pause between pages, commands do not notice.
  private static let pause = Duration.milliseconds(10)
  private static let pageSize = 1000

  private let log: any StoreLog
  private let codec: CategoriesCodec
  private let logger: Logger
  private let state: Locked<Findings>

  init(
    _ log: any StoreLog, codec: CategoriesCodec, through head: UInt64, logger: Logger
  ) {
    self.log = log
    self.codec = codec
    self.logger = logger
    state = Locked(Findings(through: head))
  }

  var findings: Findings { state.withLock { $0 } }

  /// Looks at all events; where the store can't be read, what was found so far stands.
  func check() async {
    do {
      while findings.checked < findings.through {
        let page = try await log.records(after: findings.checked, limit: Self.pageSize)
        guard let last = page.last else { break }
        for record in page { look(at: record) }
        state.withLock { $0.checked = last.position.sequenceNumber }
        try await Task.sleep(for: Self.pause)
      }
    } catch is CancellationError {
      return
    } catch {
      logger.warning(
        "not all of the store's events could be looked at", metadata: ["error": "\(error)"])
    }
    let findings = findings
    guard let first = findings.first else { return }
    logger.warning(
      "the store has events that this code can't read",
      metadata: [
        "unreadable": "\(findings.unreadable)", "unknown": "\(findings.unknown)",
        "first": "\(first)",
      ])
  }

  private func look(at record: EventRecord) {
    do {
      switch try record.entry(decodedBy: codec) {
      case .event: state.withLock { $0.types.add(record, reason: nil) }
      case .unreadable(let event):
        state.withLock {
          $0.unreadable += 1
          $0.first = $0.first ?? "\(UnreadableEventError(event))"
          $0.types.add(record, reason: event.reason)
        }
      case .removed, .erased, .other: break
      }
    } catch {
      state.withLock {
        $0.unknown += 1
        $0.first = $0.first ?? error.description
      }
    }
  }
}

extension StoreReadability.Findings {
  /// Why the writer is not ready, once all events were looked at: single events that can't be read are no reason.
  var reasons: [String] { checked < through ? [] : types.unreadable.map(\.description) }

  /// Writes what `/readyz` tells.
  func write(_ json: inout JSONWriter) {
    json.key("unreadableEvents")
    json.integer(unreadable)
    json.key("unknownEvents")
    json.integer(unknown)
    if let first {
      json.key("firstUnreadable")
      json.string(first)
    }
    if checked < through {
      json.key("eventsLookedAt")
      json.integer(checked)
    }
  }
}
