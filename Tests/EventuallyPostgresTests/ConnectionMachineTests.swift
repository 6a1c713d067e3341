import Eventually
import Testing

@testable import EventuallyPostgres

struct ConnectionMachineTests {
  private typealias Machine = ConnectionMachine

  private func ready() -> Machine {
    var machine = Machine()
    _ = machine.polled(.ready)
    return machine
  }

  private let refusal = PostgresError(.refused(.uniqueViolation), "taken", operation: "insert")

  @Test func connectingFollowsLibpq() {
    var machine = Machine()
    #expect(machine.polled(.writing) == [.watch(reading: false, writing: true)])
    #expect(machine.polled(.reading) == [.watch(reading: true, writing: false)])
    #expect(
      machine.polled(.ready) == [
        .enterPipeline, .watch(reading: true, writing: false), .opened,
      ])
    #expect(machine.isIdle)
  }

  @Test func aStatementIsPreparedOnce() {
    var machine = ready()
    #expect(
      machine.submit([["a", "a", "b"]], operation: "x") == [
        .send([.prepare("a"), .execute, .execute, .prepare("b"), .execute, .synchronize])
      ])
    for _ in 0..<5 { _ = machine.answered(.done) }
    #expect(machine.answered(.synchronized) == [.finish(nil)])
    #expect(
      machine.submit([["b", "a"]], operation: "x") == [.send([.execute, .execute, .synchronize])])
  }

  @Test func aRefusedTransactionLeavesTheOthersAlone() {
    var machine = ready()
    #expect(
      machine.submit([["a", "b"], ["a"], ["c"]], operation: "x") == [
        .send([
          .prepare("a"), .prepare("b"), .execute, .execute, .synchronize, .execute, .synchronize,
          .prepare("c"), .execute, .synchronize,
        ])
      ])
    for _ in 0..<2 { #expect(machine.answered(.done) == []) }
    #expect(machine.answered(.refused(refusal)) == [])
    #expect(machine.answered(.skipped) == [])
    #expect(machine.answered(.synchronized) == [.next(refusal)])
    #expect(machine.answered(.done) == [.keep])
    #expect(machine.answered(.synchronized) == [.next(nil)])
    // The connection ends: of what has not ended nothing is known.
    let actions = machine.failed("gone")
    guard case .close(let error) = actions.first else {
      Issue.record("\(actions)")
      return
    }
    #expect(error.kind == .lost && actions.last == .finish(error))
  }

  @Test func whatCouldNotBePreparedIsPreparedAgain() {
    var machine = ready()
    _ = machine.submit([["a", "b"]], operation: "x")
    #expect(machine.answered(.refused(refusal)) == [])
    for _ in 0..<3 { #expect(machine.answered(.skipped) == []) }
    #expect(machine.answered(.synchronized) == [.finish(refusal)])
    #expect(
      machine.submit([["a"]], operation: "x") == [.send([.prepare("a"), .execute, .synchronize])])
  }

  /// A commit that did not wait for the standbys is not known to last, whatever the answers before it say.
  @Test func aCommitThatIsOnThePrimaryAloneIsInDoubt() {
    var machine = ready()
    _ = machine.submit([["a"], ["b"]], operation: "x")
    for _ in 0..<2 { _ = machine.answered(.done) }
    let actions = machine.answered(.synchronizedHereOnly)
    guard case .next(let error?) = actions.first else {
      Issue.record("\(actions)")
      return
    }
    #expect(error.isInDoubt && error.message.contains("standbys"))
    for _ in 0..<2 { _ = machine.answered(.done) }
    #expect(machine.answered(.synchronized) == [.finish(nil)])
    // Nothing of what was refused was committed.
    _ = machine.submit([["a"]], operation: "x")
    _ = machine.answered(.refused(refusal))
    #expect(machine.answered(.synchronizedHereOnly) == [.finish(refusal)])
    // Where it was told to stop, too.
    _ = machine.submit([["a"]], operation: "x")
    _ = machine.answered(.done)
    _ = machine.cancelled()
    let stopped = machine.answered(.synchronizedHereOnly)
    guard case .finish(let error?) = stopped.first else {
      Issue.record("\(stopped)")
      return
    }
    #expect(error.isInDoubt)
  }

  @Test func aStoppedConnectionIsNotUsedAgain() {
    for answer in [Machine.Answer.done, .refused(refusal)] {
      var machine = ready()
      _ = machine.submit([["a"]], operation: "x")
      _ = machine.answered(.done)
      #expect(machine.cancelled() == [.cancel])
      // It is asked once.
      #expect(machine.cancelled() == [])
      _ = machine.answered(answer)
      let actions = machine.answered(.synchronized)
      // What the server has done in the end counts.
      #expect(actions.first == .finish(answer == .done ? nil : refusal))
      guard case .close = actions.last else {
        Issue.record("\(actions)")
        return
      }
      #expect(machine.isClosed)
    }
  }

  @Test func aServerThatDoesNotStopIsGivenUp() {
    var machine = ready()
    _ = machine.submit([["a"]], operation: "x")
    #expect(machine.timeLimitPassed() == [.cancel])
    let actions = machine.timeLimitPassed()
    guard case .close(let error) = actions.first, case .finish = actions.last else {
      Issue.record("\(actions)")
      return
    }
    #expect(error.kind == .lost)
  }

  /// Whatever comes in whatever order: an exchange is finished once, a closed connection sends nothing, and connecting ends once.
  @Test(arguments: 0..<200 as Range<UInt64>)
  func everyExchangeIsFinishedOnce(_ seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<100 {
      var machine = Machine()
      var (open, finished, endings) = (0, 0, 0)
      for _ in 0..<Int.random(in: 1...40, using: &random) {
        let wasClosed = machine.isClosed
        let actions: [Machine.Action]
        switch Int.random(in: 0..<12, using: &random) {
        case 0: actions = machine.polled(.reading)
        case 1, 2: actions = machine.polled(.ready)
        case 3: actions = machine.polled(.failed("no", isLasting: false))
        case 4, 5:
          actions = machine.submit([["a", "b"]], operation: "x")
          open += 1
        case 6, 7: actions = open > finished ? machine.answered(.done) : []
        case 8: actions = open > finished ? machine.answered(.refused(refusal)) : []
        case 9: actions = open > finished ? machine.answered(.synchronized) : []
        case 10:
          actions = Bool.random(using: &random) ? machine.timeLimitPassed() : machine.cancelled()
        default:
          actions =
            Bool.random(using: &random) ? machine.failed("lost") : machine.flushed(isDone: true)
        }
        for action in actions {
          switch action {
          case .finish: finished += 1
          case .close: endings += 1
          case .send: #expect(!wasClosed, "seed \(seed)")
          default: break
          }
        }
        // One at a time is under way.
        #expect(open - finished == 0 || open - finished == 1, "seed \(seed): \(actions)")
      }
      machine.failed("over").forEach {
        if case .finish = $0 { finished += 1 } else { endings += 1 }
      }
      #expect(open == finished, "seed \(seed)")
      #expect(endings == 1, "seed \(seed)")
    }
  }
}

struct AnswerPaceTests {
  @Test func onlyAfterABriskAnswerIsTheNextOneWaitedFor() {
    var pace = AnswerPace()
    #expect(!pace.isBrisk)
    for (time, isBrisk) in [(40, true), (99, true), (100, false), (5_000, false), (99, true)] {
      pace.answered(after: .microseconds(time))
      #expect(pace.isBrisk == isBrisk, "\(time)")
    }
  }
}
