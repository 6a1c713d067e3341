import Eventually
import HTTPTypes
import ServiceLifecycle

/// The newest answer for a viewer, until it is taken.
final class LiveMailbox: Sendable {
  private struct State {
    var newest: Result<LiveAnswer, any Error>?
    /// How many there have been.
    var count: UInt64 = 0
  }

  private let state = Locked(State())
  private let signal = PositionSignal(at: 0)

  /// In place of one that was not taken.
  func put(_ answer: Result<LiveAnswer, any Error>) {
    let count = state.withLock { state in
      state.newest = answer
      state.count += 1
      return state.count
    }
    signal.advance(to: count)
  }

  func take() -> Result<LiveAnswer, any Error>? {
    state.withLock { state in
      defer { state.newest = nil }
      return state.newest
    }
  }

  /// Returns when there is one, or when the task is cancelled.
  func wait() async {
    let taken = state.withLock { $0.newest == nil ? $0.count : nil }
    if let taken { await signal.wait(past: taken) }
  }
}

/// A viewer's place, given back with the last reference.
final class LiveViewer: Sendable {
  let mailbox: LiveMailbox
  private let leave: @Sendable () -> Void

  init(_ mailbox: LiveMailbox, leave: @escaping @Sendable () -> Void) {
    self.mailbox = mailbox
    self.leave = leave
  }

  deinit { leave() }

  /// The first answer.
  /// - Throws: why there is none, and an answer 503 where that takes too long or the process stops.
  func first(within limit: Duration = .seconds(30)) async throws -> LiveAnswer {
    await cancelWhenGracefulShutdown { [mailbox] in
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await mailbox.wait() }
        // It is cancelled where the answer comes first.
        group.addTask { try? await Task.sleep(for: limit) }
        await group.next()
        group.cancelAll()
      }
    }
    if let answer = mailbox.take() { return try answer.get() }
    if Task.isShuttingDownGracefully { throw RequestError.stopping }
    throw Overloaded("the query was not answered within \(limit)")
  }
}

/// A query's answers, for one viewer: the first, and then each that differs from the one before.
struct LiveAnswers: LiveSource {
  private let viewer: LiveViewer
  private let request: RequestID
  private var first: LiveAnswer?
  /// The tag of what the viewer has.
  private var sent: EntityTag?

  /// - Parameters:
  ///   - isKnown: whether the viewer has the first answer already.
  ///   - request: what a problem refers to.
  init(_ viewer: LiveViewer, first: LiveAnswer, isKnown: Bool, request: RequestID) {
    self.viewer = viewer
    self.first = first
    sent = isKnown ? first.tag : nil
    self.request = request
  }

  mutating func write(_ events: inout EventWriter) async throws -> LiveProgress {
    let next = first.map { .success($0) } ?? viewer.mailbox.take()
    first = nil
    switch next {
    case nil: return .nothing
    case .success(let answer):
      // One in between may not have been taken.
      guard answer.tag != sent else { return .nothing }
      sent = answer.tag
      events.add(answer.event)
      return .something
    case .failure(let error):
      let problem =
        (error as? LiveRefusal)?.response ?? RequestError(error).response(id: request)
      events.event("problem", data: try await problem.wholeBody())
      return .end
    }
  }

  func waitForMore() async {
    await viewer.mailbox.wait()
  }
}
