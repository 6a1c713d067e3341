import Eventually
import Testing

@testable import EventuallyServer

@Suite struct ConsoleTopicsTests {
  private let start = ContinuousClock.now

  @Test func aViewerGetsTheNewestFrameAndThenEachThatDiffers() {
    var topics = ConsoleTopics<String, Int>()
    let first = topics.join("a", now: start)
    #expect(first.frame == nil && first.isFirst)
    #expect(topics.produced("a", 1, now: start).receivers == [first.viewer])
    let second = topics.join("a", now: start)
    #expect(second.frame == 1 && !second.isFirst)
    // The same again is nobody's news.
    #expect(topics.produced("a", 1, now: start).receivers == [])
    #expect(topics.produced("a", nil, now: start).receivers == [])
    #expect(topics.produced("a", 2, now: start).receivers == [first.viewer, second.viewer])
    #expect(topics.join("b", now: start).isFirst)
  }

  @Test func aProducerEndsSomeTimeAfterTheLastViewer() {
    var topics = ConsoleTopics<String, Int>()
    let viewer = topics.join("a", now: start).viewer
    #expect(topics.produced("a", 1, now: start + .seconds(100)).isWanted)
    topics.leave(viewer, now: start + .seconds(100))
    #expect(topics.produced("a", 2, now: start + .seconds(104)).isWanted)
    // One that comes in between goes on with it.
    let next = topics.join("a", now: start + .seconds(104))
    #expect(!next.isFirst && next.frame == 2)
    #expect(topics.produced("a", 3, now: start + .seconds(200)).isWanted)
    topics.leave(next.viewer, now: start + .seconds(200))
    #expect(!topics.produced("a", 4, now: start + .seconds(205)).isWanted)
    #expect(topics.join("a", now: start + .seconds(205)).isFirst)
  }

  @Test func aFailureEndsTheViewersOfItsTopicOnly() {
    var topics = ConsoleTopics<String, Int>()
    let (one, two) = (topics.join("a", now: start).viewer, topics.join("b", now: start).viewer)
    #expect(topics.failed("a") == [one])
    #expect(topics.failed("a") == [])
    #expect(!topics.produced("a", 1, now: start).isWanted)
    #expect(topics.produced("b", 1, now: start).receivers == [two])
    topics.leave(one, now: start)
    #expect(topics.viewerCount == 1)
  }

  /// Every order of a few steps: whoever is there has the newest frame, and no frame is given to anybody twice in a row.
  @Test func everyViewerHasTheNewestFrameWhateverTheOrder() {
    enum Step: CaseIterable { case join, leaveOldest, frame, sameFrame, nothing }
    func walk(
      _ topics: ConsoleTopics<String, Int>, _ has: [Int: Int?], _ newest: Int, _ depth: Int
    ) {
      guard depth > 0 else { return }
      for step in Step.allCases {
        var (topics, has, newest) = (topics, has, newest)
        switch step {
        case .join:
          let joined = topics.join("a", now: start)
          has[joined.viewer] = .some(joined.frame)
          if joined.frame == nil { #expect(newest == 0) } else { #expect(joined.frame == newest) }
        case .leaveOldest:
          guard let viewer = has.keys.min() else { continue }
          topics.leave(viewer, now: start)
          has[viewer] = nil
        case .frame, .sameFrame, .nothing:
          if step == .frame { newest += 1 }
          let frame = step == .nothing || newest == 0 ? nil : newest
          let isThere = topics.viewerCount > 0
          let (receivers, isWanted) = topics.produced("a", frame, now: start)
          if isThere { #expect(isWanted) }
          // Without a producer there is no frame.
          if !isWanted { newest = 0 }
          for viewer in receivers {
            #expect(has[viewer].flatMap { $0 } != frame)
            has[viewer] = .some(frame)
          }
          if let frame, isWanted { #expect(has.values.allSatisfy { $0 == frame }) }
        }
        walk(topics, has, newest, depth - 1)
      }
    }
    walk(ConsoleTopics(), [:], 0, 7)
  }
}
