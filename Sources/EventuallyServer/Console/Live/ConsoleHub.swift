import Eventually
import Logging

/// Something that pages follow.
struct ConsoleTopic: Sendable {
  /// What tells it from others; what is masked is another topic than what is not.
  var name: String
  /// How its frames are called in a stream.
  var event: String
  /// How long it is from one frame to the next, at least.
  var interval = Duration.seconds(1)
  var produce: @Sendable () async throws -> ConsoleFrame
}

/// The whole state of a topic at a moment.
struct ConsoleFrame: Sendable {
  var json: [UInt8]
  /// What tells it from the frame before; by default the JSON itself.
  var tag: EntityTag

  /// - Parameter content: what counts as a change, where that is not all of the JSON: not the time of the frame, for example.
  init(_ json: [UInt8], content: [UInt8]? = nil) {
    self.json = json
    tag = EntityTag(contentOf: [content ?? json])
  }
}

/// Produces the topics that pages follow, each once for all of a process's viewers.
actor ConsoleHub {
  private let logger: Logger
  private var topics = ConsoleTopics<String, LiveAnswer>()
  private var mailboxes: [Int: LiveMailbox] = [:]

  init(_ logger: Logger) {
    self.logger = logger
  }

  var viewerCount: Int { topics.viewerCount }

  func join(_ topic: ConsoleTopic) -> LiveViewer {
    let (viewer, frame, isFirst) = topics.join(topic.name, now: .now)
    let mailbox = LiveMailbox()
    mailboxes[viewer] = mailbox
    if let frame { mailbox.put(.success(frame)) }
    // Nobody's request in particular: neither its trace nor its end are the producer's.
    if isFirst { Task.detached { await self.run(topic) } }
    return LiveViewer(mailbox) { [weak self] in
      Task.detached { await self?.leave(viewer) }
    }
  }

  private func leave(_ viewer: Int) {
    topics.leave(viewer, now: .now)
    mailboxes[viewer] = nil
  }

  private func run(_ topic: ConsoleTopic) async {
    while true {
      let begun = ContinuousClock.now
      do {
        let frame = try await topic.produce()
        guard deliver(topic, frame) else { return }
      } catch {
        logger.debug(
          "a topic of the console failed",
          metadata: ["topic": "\(topic.name)", "error": "\(error)"])
        for viewer in topics.failed(topic.name) {
          mailboxes.removeValue(forKey: viewer)?.put(.failure(error))
        }
        return
      }
      // Nobody cancels this task: it ends soon after the last viewer.
      try? await Task.sleep(until: max(begun + topic.interval, .now + topic.interval / 10))
    }
  }

  private func deliver(_ topic: ConsoleTopic, _ frame: ConsoleFrame) -> Bool {
    let answer = LiveAnswer(frame, event: topic.event)
    let (receivers, isWanted) = topics.produced(topic.name, answer, now: .now)
    for viewer in receivers { mailboxes[viewer]?.put(.success(answer)) }
    return isWanted
  }
}

extension LiveAnswer {
  init(_ frame: ConsoleFrame, event name: String) {
    var event = EventWriter()
    event.event(name, id: frame.tag.value, data: frame.json)
    self.init(event, tag: frame.tag)
  }
}

/// A topic's frames, for one viewer: each in place of one that was not taken yet.
struct FrameSource: LiveSource {
  private let viewer: LiveViewer
  /// What the viewer has.
  private var last: String?

  init(_ viewer: LiveViewer, last: String?) {
    self.viewer = viewer
    self.last = last
  }

  mutating func write(_ events: inout EventWriter) async throws -> LiveProgress {
    switch viewer.mailbox.take() {
    case nil: return .nothing
    case .success(let frame):
      guard frame.tag.value != last else { return .nothing }
      last = frame.tag.value
      events.add(frame.event)
      return .something
    // The page asks again, and is told why.
    case .failure: return .end
    }
  }

  func waitForMore() async {
    await viewer.mailbox.wait()
  }
}

extension JSONResponse {
  /// Server-Sent Events of the console: a stream without news says every two seconds that it lives.
  init(beats source: some LiveSource, place: Budget.Share) async throws {
    self = try await JSONResponse(
      pieces: ServerSentEvents(
        source, place: place, heartbeat: .seconds(2), beat: "event: beat\ndata: {}\n\n"))
    contentType = EventWriter.contentType
    isLive = true
  }
}
