import Testing

@testable import Eventually

@Suite struct FaultPlanTests {
  @Test func readsItems() throws {
    let items = try FaultPlan.parse("relay.produced=kill@3,a=stop,b=hang@1,c=fail:-7")
    #expect(
      items == [
        FaultPlan.Item(point: "relay.produced", action: .kill, passage: 3),
        FaultPlan.Item(point: "a", action: .stop, passage: 1),
        FaultPlan.Item(point: "b", action: .hang, passage: 1),
        FaultPlan.Item(point: "c", action: .fail(suffix: "-7"), passage: 1),
      ])
  }

  @Test(arguments: ["a", "a=", "a=explode", "a=kill@0", "a=kill@x", "a=kill@1@2", "=,"])
  func refusesWhatItCanNotRead(_ text: String) {
    #expect(throws: FaultPlan.ParseError.self) { try FaultPlan.parse(text) }
  }

  @Test func aPointIsDueAtItsPassageOnly() throws {
    let plan = FaultPlan(try FaultPlan.parse("a=kill@2,b=stop"))
    #expect(plan.due("a") == nil)
    #expect(plan.due("other") == nil)
    #expect(plan.due("a") == .kill)
    #expect(plan.due("a") == nil)
    #expect(plan.due("b") == .stop)
  }

  @Test func whatIsNotEnabledIsIgnoredWithAWarning() throws {
    let points = [FaultPoint("a", "")]
    let warning = try FaultPlan.check("a=kill", points, isEnabled: false)
    #expect(warning?.contains(FaultPlan.variable) == true)
    // Nor is it read.
    let unread = try FaultPlan.check("b=explode", points, isEnabled: false)
    #expect(unread != nil)
    let enabled = try FaultPlan.check("a=kill", points, isEnabled: true)
    #expect(enabled == nil)
    #expect(throws: FaultPlan.ParseError.self) {
      try FaultPlan.check("b=kill", points, isEnabled: true)
    }
    let unset = try FaultPlan.check(nil, points, isEnabled: false)
    #expect(unset == nil)
  }

  @Test func failsForSomeSubjects() throws {
    let plan = FaultPlan(try FaultPlan.parse("a=fail:7"))
    #expect(plan.fails("a", for: "order-7"))
    #expect(!plan.fails("a", for: "order-8"))
    #expect(!plan.fails("b", for: "order-7"))
  }
}

@Suite struct HeartbeatsTests {
  @Test func aLoopIsLateOnlyWhileItWorks() {
    let heartbeats = Heartbeats(limit: .seconds(3))
    let loop = heartbeats.loop("a")
    let slow = heartbeats.loop("b", factor: 4)
    func late(after seconds: Int) -> [String] {
      heartbeats.loops(at: .now + .seconds(seconds)).filter(\.isLate).map(\.name)
    }
    #expect(late(after: 100) == [])
    loop.beat()
    slow.beat()
    #expect(late(after: 2) == [])
    #expect(late(after: 4) == ["a"])
    #expect(late(after: 14) == ["a", "b"])
    loop.idle()
    #expect(late(after: 14) == ["b"])
    slow.ended()
    #expect(heartbeats.loops().map(\.name) == ["a"])
  }
}

@Suite struct ParkingDecisionTests {
  private func failure(_ sequence: UInt64) -> ProjectionFailure {
    ProjectionFailure(
      position: EventPosition(
        partition: 0, partitionOffset: sequence, sequenceNumber: sequence, version: 1),
      streamID: "s\(sequence)", reason: "")
  }

  /// Every sequence of five attempts in which any of three events fail: an event is parked exactly when it has
  /// failed so often, whatever the others do, and pauses count up.
  @Test func anEventIsParkedWhenItHasFailedSoOften() {
    for code in 0..<(1 << 15) {
      var decision = ParkingDecision(attempts: 3)
      var counts: [UInt64: Int] = [:]
      var pauses = 0
      for attempt in 0..<5 {
        let failing = (0..<3).filter { code >> (attempt * 3 + $0) & 1 == 1 }.map { UInt64($0) + 1 }
          .filter { counts[$0, default: 0] < 3 }
        if failing.isEmpty { continue }
        for event in failing { counts[event, default: 0] += 1 }
        let action = decision.failed(failing.map(failure))
        if failing.contains(where: { counts[$0] == 3 }) {
          if action != .park { Issue.record("code \(code), attempt \(attempt): \(action)") }
        } else {
          pauses += 1
          if action != .retry(pause: pauses) {
            Issue.record("code \(code), attempt \(attempt): \(action)")
          }
        }
      }
      let parked = Set(decision.parked.map(\.position.partitionOffset))
      if parked != Set(counts.filter { $0.value == 3 }.keys) { Issue.record("code \(code)") }
    }
  }
}
