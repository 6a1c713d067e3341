import Testing

@testable import EventuallySQLite

@Suite struct ErasedRowTests {
  /// Around each length at which SQLite's record format takes one byte more for a column's type.
  private static let lengths: [Int] = {
    let edges = [57, 58, 8185, 8186, 1_048_569, 1_048_570]
    return Array(0...80) + edges.flatMap { edge in (edge - 6...edge + 6) }
  }()

  @Test func anErasedRowHasTheSizeOfTheEvent() {
    for type in 1...70 {
      for payload in Self.lengths {
        for metadata in [nil, 0, 1, 30, 57, 58, 59, 200, 8186] {
          let row = ErasedRow(type: type, payload: payload, metadata: metadata)
          let size = ErasedRow.size(type: type, payload: payload, metadata: metadata)
          let erased = ErasedRow.size(type: 0, payload: row.payload, metadata: row.metadata)
          #expect(
            erased == size, "\(type) \(payload) \(metadata.map { "\($0)" } ?? "none"): \(row)")
          if erased != size { return }
        }
      }
    }
  }
}

@Suite struct ErasureScheduleTests {
  @Test func withoutARemovalThereIsNothingToDo() {
    var schedule = ErasureSchedule(erased: 7)
    #expect(schedule.start() == false)
    #expect(!schedule.isPending)
    #expect(schedule.next() == .rest)
  }

  @Test func whatWasPendingAtTheStartIsGoneOnWith() {
    var schedule = ErasureSchedule(erased: 3, newest: 9)
    #expect(schedule.start() == true)
    #expect(schedule.start() == false, "one loop is enough")
    #expect(schedule.next() == .attempt(through: 9))
    #expect(schedule.emptied(through: 9) == .rest)
    #expect(!schedule.isPending && schedule.erased == 9)
  }

  @Test func pausesGrowAndARemovalIsTriedAtOnce() {
    var schedule = ErasureSchedule(erased: 0)
    #expect(schedule.removed(at: 1) == true)
    for pause in ErasureSchedule.pauses {
      #expect(schedule.next() == .attempt(through: 1))
      #expect(schedule.failed() == .wait(pause))
    }
    #expect(schedule.next() == .attempt(through: 1))
    #expect(schedule.failed() == .wait(ErasureSchedule.longestPause))
    #expect(schedule.next() == .attempt(through: 1))
    #expect(schedule.removed(at: 5) == false)
    #expect(schedule.failed() == .wait(.zero))
    #expect(schedule.next() == .attempt(through: 5))
    #expect(schedule.failed() == .wait(ErasureSchedule.longestPause))
    #expect(schedule.next() == .attempt(through: 5))
    #expect(schedule.emptied(through: 5) == .rest)
    #expect(schedule.removed(at: 6) == true, "the loop has ended")
    #expect(schedule.next() == .attempt(through: 6))
    #expect(schedule.failed() == .wait(ErasureSchedule.pauses[0]), "pauses begin anew")
  }

  /// All interleavings of removals and attempts: what is erased was attempted after it was removed, one loop at a time
  /// runs while anything is pending, and none after it.
  @Test func nothingIsErasedThatWasNotAttempted() {
    enum Step: CaseIterable { case remove, ask, empty, fail }
    func play(_ steps: [Step]) {
      var schedule = ErasureSchedule(erased: 0)
      var (removed, runs, attempt) = (UInt64(0), false, UInt64?.none)
      for step in steps {
        switch step {
        case .remove:
          removed += 1
          let starts = schedule.removed(at: removed)
          #expect(starts == !runs, "\(steps)")
          runs = true
        case .ask where runs && attempt == nil:
          guard case .attempt(let through) = schedule.next() else {
            Issue.record("nothing to attempt in \(steps)")
            return
          }
          #expect(through == removed)
          attempt = through
        case .empty:
          guard let through = attempt else { continue }
          attempt = nil
          runs = schedule.emptied(through: through) != .rest
          #expect(schedule.erased == through && runs == (through < removed), "\(steps)")
        case .fail:
          guard let through = attempt else { continue }
          attempt = nil
          #expect((schedule.failed() == .wait(.zero)) == (through < removed), "\(steps)")
        case .ask: continue
        }
        #expect(schedule.isPending == (schedule.erased < removed))
      }
    }
    var all: [[Step]] = [[]]
    for _ in 0..<7 { all = all.flatMap { steps in Step.allCases.map { steps + [$0] } } }
    for steps in all { play(steps) }
  }
}

@Suite struct LogHoldTests {
  @Test func whereTheLogMovesReadersAreGivenLonger() {
    var hold = LogHold()
    var limits: [Duration?] = []
    for brought in 0..<9 { limits.append(hold.observed(isWhole: false, brought: Int64(brought))) }
    #expect(limits == [5, 10, 20, 40, 80, 160, 320, 320, 320].map { .milliseconds($0) })
    hold.emptied()
    #expect(hold.observed(isWhole: true, brought: 8) == LogHold.shortest)
  }

  @Test func nobodyIsKeptOutForAReaderThatStays() {
    var hold = LogHold()
    #expect(hold.observed(isWhole: false, brought: 7) == LogHold.shortest)
    for _ in 0..<3 { #expect(hold.observed(isWhole: false, brought: 7) == nil) }
    // It has ended, and another one stays at the newest state.
    #expect(hold.observed(isWhole: true, brought: 9) == LogHold.shortest)
    for _ in 0..<3 { #expect(hold.observed(isWhole: true, brought: 9) == LogHold.shortest) }
    #expect(hold.observed(isWhole: false, brought: 9) == nil)
  }

  /// Whatever is found, writers are kept out for a fifth of the time at most, with pauses as long as they have to be.
  @Test func writersHaveMostOfTheTime() {
    for pattern in 0..<(1 << 12) {
      var hold = LogHold()
      var (held, paused) = (Duration.zero, Duration.zero)
      for step in 0..<12 {
        held +=
          hold.observed(isWhole: step % 3 == 0, brought: pattern >> step & 1 == 1 ? Int64(step) : 0)
          ?? .zero
        paused += hold.pause
        #expect(held * 4 <= paused, "\(pattern)")
      }
    }
  }
}
