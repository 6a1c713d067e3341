import Eventually
import Logging

/// Decides what is told of a writer that does not answer: that it is waited for, again and again, and that it is back.
struct WriterContact {
  enum Notice: Equatable {
    /// Nothing has come from the writer for so many seconds.
    case waiting(seconds: Int64, reason: String?)
    case back(seconds: Int64)
  }

  static let firstNotice = Duration.seconds(2)
  static let nextNotice = Duration.seconds(10)

  private var waiting = 0
  /// When the writer took a request last, or the first of those was sent that wait.
  private var heard: ContinuousClock.Instant?
  private var told: ContinuousClock.Instant?
  private var reason: String?

  /// A request is sent, and sent again until it is answered for good.
  mutating func began(at now: ContinuousClock.Instant) {
    if waiting == 0, told == nil { heard = now }
    waiting += 1
  }

  /// An attempt had no answer, or one that says to try later.
  mutating func failed(_ reason: String) { self.reason = reason }

  /// A request has its answer.
  mutating func answered(at now: ContinuousClock.Instant) -> Notice? {
    defer { (heard, told, reason) = (now, nil, nil) }
    guard told != nil, let heard else { return nil }
    return .back(seconds: (now - heard).components.seconds)
  }

  /// Nobody waits for the request any more.
  mutating func ended() { waiting -= 1 }

  /// Time has passed.
  mutating func tick(at now: ContinuousClock.Instant) -> Notice? {
    guard waiting > 0, let heard, now - heard >= Self.firstNotice,
      told.map({ now - $0 >= Self.nextNotice }) ?? true
    else { return nil }
    told = now
    return .waiting(seconds: (now - heard).components.seconds, reason: reason)
  }
}

/// Logs when a writer does not answer.
final class WriterContactLog: Sendable {
  private let contact = Locked(WriterContact())
  private let logger: Logger

  init(_ logger: Logger) {
    self.logger = logger
  }

  func began() { contact.withLock { $0.began(at: .now) } }
  func failed(_ reason: String) { contact.withLock { $0.failed(reason) } }
  func answered() { log(contact.withLock { $0.answered(at: .now) }) }
  func ended() { contact.withLock { $0.ended() } }

  /// Logs while others wait, until it is cancelled.
  func run() async {
    while !Task.isCancelled {
      log(contact.withLock { $0.tick(at: .now) })
      // A cancelled pause ends the loop by its condition.
      try? await Task.sleep(for: .milliseconds(500))
    }
  }

  private func log(_ notice: WriterContact.Notice?) {
    switch notice {
    case .waiting(let seconds, let reason):
      logger.warning(
        "the writer does not take commands; trying again",
        metadata: ["seconds": "\(seconds)", "reason": "\(reason ?? "no answer yet")"])
    case .back(let seconds):
      logger.notice("the writer takes commands again", metadata: ["seconds": "\(seconds)"])
    case nil: break
    }
  }
}
