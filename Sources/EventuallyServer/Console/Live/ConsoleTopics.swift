/// Who watches which topic, and who gets which frame. It knows neither clock nor producer.
///
/// Each topic has one producer for all of its viewers. It runs while there is a viewer, and a little longer.
struct ConsoleTopics<Topic: Hashable, Frame: Equatable> {
  typealias Viewer = Int
  typealias Instant = ContinuousClock.Instant

  /// How long a topic is produced after its last viewer has gone: a page that is loaded again finds it.
  static var linger: Duration { .seconds(5) }

  private struct Watched {
    /// Each with the frame that it was given last.
    var viewers: [Viewer: Frame?] = [:]
    var newest: Frame?
    var lastLeft: Instant
  }

  private var watched: [Topic: Watched] = [:]
  private var topics: [Viewer: Topic] = [:]
  private var nextViewer = 0

  var viewerCount: Int { topics.count }

  /// A viewer comes.
  /// - Returns: the newest frame, where there is one; and whether a producer is to be started, which then calls ``produced(_:_:now:)`` or
  ///   ``failed(_:)`` until it is told that it is not wanted any more.
  mutating func join(
    _ topic: Topic, now: Instant
  ) -> (viewer: Viewer, frame: Frame?, isFirst: Bool) {
    let isFirst = watched[topic] == nil
    var watching = watched[topic] ?? Watched(lastLeft: now)
    let viewer = nextViewer
    nextViewer += 1
    watching.viewers[viewer] = .some(watching.newest)
    watched[topic] = watching
    topics[viewer] = topic
    return (viewer, watching.newest, isFirst)
  }

  mutating func leave(_ viewer: Viewer, now: Instant) {
    guard let topic = topics.removeValue(forKey: viewer) else { return }
    watched[topic]?.viewers[viewer] = nil
    watched[topic]?.lastLeft = now
  }

  /// The producer of a topic has looked.
  /// - Parameter frame: `nil` where there is nothing new.
  /// - Returns: who gets the frame, and whether the producer is to go on.
  mutating func produced(
    _ topic: Topic, _ frame: Frame?, now: Instant
  ) -> (receivers: [Viewer], isWanted: Bool) {
    guard var watching = watched[topic] else { return ([], false) }
    if watching.viewers.isEmpty, now - watching.lastLeft >= Self.linger {
      watched[topic] = nil
      return ([], false)
    }
    var receivers: [Viewer] = []
    if let frame, frame != watching.newest {
      watching.newest = frame
      for (viewer, last) in watching.viewers where last != frame {
        watching.viewers[viewer] = .some(frame)
        receivers.append(viewer)
      }
      watched[topic] = watching
    }
    return (receivers.sorted(), true)
  }

  /// The producer of a topic has failed, and ends.
  /// - Returns: who watched it, and gets nothing any more.
  mutating func failed(_ topic: Topic) -> [Viewer] {
    guard let viewers = watched.removeValue(forKey: topic)?.viewers.keys.sorted() else { return [] }
    for viewer in viewers { topics[viewer] = nil }
    return viewers
  }
}
