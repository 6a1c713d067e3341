import Eventually
import EventuallyKafka
import Testing

@testable import EventuallyServer

@Suite struct EventWayTests {
  private let position = EventPosition(
    partition: 2, partitionOffset: 10, sequenceNumber: 50, version: 3)

  private func refused(at offset: UInt64) -> RefusedEvent {
    RefusedEvent(
      position: EventPosition(
        partition: 2, partitionOffset: offset, sequenceNumber: 49, version: 1),
      id: EventID(high: 1, low: 1), streamID: "s", type: "t", size: 1, reason: "too large",
      since: Timestamp(microseconds: 0))
  }

  /// All that can be known of the relay, in all combinations.
  @Test func publishedIsToldFromWhatIsKnown() {
    let time = Timestamp(microseconds: 5)
    for isSkipped in [false, true] {
      for acknowledgement in [nil, Acknowledgement(offset: 7, times: time...time)] {
        for cursor in [49, 50] as [UInt64] {
          for end in [nil, 9, 10] as [UInt64?] {
            for refusal in [nil, 9, 10, 11] as [UInt64?] {
              let progress = end.map { end in
                PublishedProgress(
                  through: cursor, partitions: [0, 0, end],
                  refused: refusal.map { [refused(at: $0)] } ?? [])
              }
              let found = EventWay.published(
                position,
                .init(
                  published: cursor, progress: progress, acknowledgement: acknowledgement,
                  isSkipped: isSkipped))
              let isThere = acknowledgement != nil || cursor >= 50 || end == 10
              let expected: EventWay.Published.State =
                isSkipped
                ? .skipped
                : isThere ? .published : end != nil && (refusal ?? 99) <= 10 ? .held : .waiting
              #expect(found.state == expected)
              #expect(found.times == acknowledgement?.times)
              #expect(found.offset == acknowledgement?.offset)
              #expect((found.why == nil) == [.published, .waiting].contains(expected))
            }
          }
        }
      }
    }
  }

  /// All that can be known of a read model, in all combinations.
  @Test func appliedIsToldFromWhatIsKnown() {
    let time = Timestamp(microseconds: 5)
    let run = AppliedRun(
      partition: 2, epoch: 1, positions: 8...10, times: time...time, worker: "w")
    for isTaken in [false, true] {
      for checkpoint in [nil, 9, 10, 11] as [UInt64?] {
        for isParked in [false, true] {
          for isDiscarded in [false, true] {
            for known in [nil, run] {
              let found = EventWay.applied(
                position,
                .init(
                  isTaken: isTaken, position: checkpoint, parked: isParked ? ("why", time) : nil,
                  isDiscarded: isDiscarded, run: known))
              let expected: EventWay.Applied.State =
                isParked
                ? .parked
                : isDiscarded
                  ? .discarded
                  : !isTaken ? .passedOver : (checkpoint ?? 0) >= 10 ? .applied : .waiting
              #expect(found.state == expected)
              #expect(found.worker == (expected == .applied ? known?.worker : nil))
              #expect((found.why == nil) == (expected == .applied))
            }
          }
        }
      }
    }
  }
}

/// How far an event is in all.
@Suite struct EventSummaryTests {
  private static let appended = Timestamp(microseconds: 1_000)

  private func leg(
    _ name: String, _ state: EventWay.Applied.State, at microseconds: Int64? = nil
  ) -> (String, EventWay.Applied) {
    let time = microseconds.map { Timestamp(microseconds: $0) }
    return (name, .init(state: state, times: time.map { $0...$0 }))
  }

  private func summary(_ legs: (String, EventWay.Applied)...) -> EventWay.Summary {
    EventWay.summary(legs.map { (readModel: $0.0, applied: $0.1) }, appended: Self.appended)
  }

  @Test func theWorstIsTold() {
    let done = leg("a", .applied, at: 16_000)
    #expect(summary(done, leg("b", .passedOver)) == .applied(after: 15))
    #expect(summary(done, leg("b", .applied, at: 3_000)) == .applied(after: 15))
    #expect(summary(done, leg("b", .discarded)) == .discarded(["b"]))
    #expect(summary(done, leg("b", .waiting), leg("c", .discarded)) == .discarded(["c"]))
    #expect(summary(done, leg("b", .discarded), leg("c", .parked, at: 9)) == .parked(["c"]))
    #expect(summary(done, leg("b", .waiting)) == .waiting(["b"]))
    #expect(summary(done, leg("b", .unknown)) == .unknown(["b"]))
    #expect(summary(leg("b", .passedOver)) == EventWay.Summary.none)
  }

  /// Nothing is said to be everywhere after a time that is not known of one read model, or that clocks contradict.
  @Test func aTimeIsToldWhereAllAreKnown() {
    #expect(
      summary(leg("a", .applied, at: 16_000), leg("b", .applied)) == .applied(after: nil))
    #expect(summary(leg("a", .applied, at: 500)) == .applied(after: nil))
  }

  @Test func aRetryIsTold() {
    let position = EventPosition(
      partition: 0, partitionOffset: 5, sequenceNumber: 5, version: 1)
    let time = Timestamp(microseconds: 9)
    for (run, isRetried) in [
      (AppliedRun(retryOf: position, at: time, by: "x"), true),
      (AppliedRun(partition: 0, epoch: 1, positions: 1...9, times: time...time), false),
    ] {
      let applied = EventWay.applied(
        position,
        .init(isTaken: true, position: 9, parked: nil, isDiscarded: false, run: run))
      #expect(applied.state == .applied && applied.isRetried == isRetried)
      #expect(applied.times == time...time)
    }
  }
}

@Suite struct ReadModelLegTests {
  /// What the read model's code says of an event may quote it.
  @Test(arguments: [EventWay.Applied.State.parked, .applied])
  func reasonsAreKeptFromWhoMayNotSeeValues(_ state: EventWay.Applied.State) throws {
    let masking = try Masking(
      members: ["account.owner"], columns: [], of: ApplicationModel(Bank()))
    let record = EventRecord(
      id: EventID(high: 1, low: 1), type: "opened", streamID: "account/1",
      position: EventPosition(partition: 0, partitionOffset: 1, sequenceNumber: 1, version: 1),
      time: Timestamp(microseconds: 0), payload: [])
    let leg = ReadModelLeg(name: "owners", applied: .init(state: state, why: "no owner SECRET"))
    for (role, isShown) in [(AccessRole.read, false), (.administer, true)] {
      var json = JSONWriter()
      leg.write(of: record, published: nil, masking.view(for: role), &json)
      #expect(String(decoding: json.bytes, as: UTF8.self).contains("SECRET") == isShown)
    }
  }
}

@Suite struct EventEffectsTests {
  private func record(_ number: UInt64, causedBy cause: UInt64?) -> EventRecord {
    EventRecord(
      id: EventID(high: number, low: 1), type: "t", streamID: "s",
      position: EventPosition(
        partition: 0, partitionOffset: number, sequenceNumber: number, version: number),
      time: Timestamp(microseconds: 0), payload: [],
      metadata: EventMetadata(
        causationID: cause.map { EventID(high: $0, low: 1).description }))
  }

  private func numbers(_ effects: [EventEffects.Effect]) -> [[UInt64]] {
    effects.flatMap { effect in
      [[effect.event.position.sequenceNumber]]
        + numbers(effect.effects).map { [effect.event.position.sequenceNumber] + $0 }
    }
  }

  @Test func effectsAreATree() {
    var effects = EventEffects(of: EventID(high: 1, low: 1))
    for (number, cause) in [(2, 1), (3, nil), (4, 2), (5, 3), (6, 1), (7, 4)]
      as [(UInt64, UInt64?)]
    { effects.take(record(number, causedBy: cause)) }
    #expect(numbers(effects.effects) == [[2], [2, 4], [2, 4, 7], [6]])
  }

  @Test func effectsAreBounded() {
    var deep = EventEffects(of: EventID(high: 1, low: 1))
    for number in 2...100 as ClosedRange<UInt64> {
      deep.take(record(number, causedBy: number - 1))
    }
    #expect(numbers(deep.effects).map(\.count).max() == EventEffects.depth)
    var wide = EventEffects(of: EventID(high: 1, low: 1))
    for number in 2...1_000 as ClosedRange<UInt64> { wide.take(record(number, causedBy: 1)) }
    #expect(wide.isFull && wide.effects.count == EventEffects.limit)
  }
}
