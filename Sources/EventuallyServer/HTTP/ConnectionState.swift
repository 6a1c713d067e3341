/// Where the exchange of requests and answers on a connection stands, and what follows from what happens on it.
struct ConnectionState: Sendable {
  /// Why a request's body will not be complete.
  enum BodyFailure: Sendable, Hashable {
    case tooSlow
    case stopping
  }

  /// What is to be done.
  enum Action: Sendable, Hashable {
    case nothing
    /// Whoever reads the body gets an error; the connection is closed once the answer is sent.
    case failBody(BodyFailure)
    /// The error is passed on to whoever reads the body.
    case passError
    /// Nobody will answer for what came: it is answered here, and the connection is closed.
    case refuse
    case close
  }

  /// Whether a request's head has come and its end has not.
  private(set) var isReceiving = false
  /// Requests whose head has come and whose answer has not been written to its end.
  private(set) var unanswered = 0
  /// Whether the connection is closed once everything is answered. The last answer says so.
  private(set) var isLast = false
  /// Whether what comes is passed over: after an error it has no meaning.
  private(set) var isDeaf = false

  /// Whether a request that has come as a whole waits for its answer.
  var isBusy: Bool { unanswered > (isReceiving ? 1 : 0) }

  /// Whether what is answered next is the last answer.
  var isLastAnswer: Bool { isLast && unanswered == 1 }

  /// - Parameter isLast: whether the client says that it sends no more after this.
  /// - Returns: whether the request is to be passed on.
  mutating func headReceived(isLast: Bool = false) -> Bool {
    guard !isDeaf, !self.isLast else { return false }
    isReceiving = true
    unanswered += 1
    self.isLast = isLast
    return true
  }

  mutating func endReceived() {
    isReceiving = false
    // Some clients send more all the same, which nobody answers.
    if isLast { isDeaf = true }
  }

  /// - Returns: whether the connection is to be closed once this is sent.
  mutating func answerEnded() -> Bool {
    unanswered = max(0, unanswered - 1)
    return isLast && unanswered == 0
  }

  mutating func bodyIsLate() -> Action {
    guard isReceiving else { return .nothing }
    return endBody(.tooSlow)
  }

  /// The server stops.
  mutating func stop() -> Action {
    isLast = true
    if isReceiving { return endBody(.stopping) }
    return unanswered == 0 ? .close : .nothing
  }

  private mutating func endBody(_ failure: BodyFailure) -> Action {
    let isAnswered = unanswered == 0
    isReceiving = false
    isLast = true
    isDeaf = true
    return isAnswered ? .close : .failBody(failure)
  }

  /// What comes is not HTTP, or the connection fails.
  mutating func failed() -> Action {
    guard !isDeaf else { return .nothing }
    isReceiving = false
    isLast = true
    isDeaf = true
    return unanswered == 0 ? .refuse : .passError
  }
}
