import Eventually
import EventuallyKafka
import Foundation
import Testing

@testable import EventuallyServer

/// What is called wrong: a fixture for each rule, and nothing for a pipeline that is well.
@Suite struct ProblemRuleTests {
  private static func look(_ change: (inout PipelineLook) -> Void = { _ in }) -> PipelineLook {
    var report = WorkerReport()
    report.host = "host-1"
    report.partitions = [0, 1]
    var look = PipelineLook(
      process: .init(
        name: "writer-1", kind: "writer", host: "host-1", started: .now(), memory: 1, cpu: 0))
    look.store = .init(id: "s", kind: "SQLite", head: 10, heads: [6, 4])
    look.relay = .init(publisher: "writer-1", phase: .publishing, epoch: 1, published: 10)
    look.readModels = [
      .init(
        name: "sales", generation: 1,
        checkpoints: [
          CheckpointStatus(partition: 0, epoch: 1, position: 6, owner: "w", updated: .now()),
          CheckpointStatus(partition: 1, epoch: 1, position: 4, owner: "w", updated: .now()),
        ],
        workers: [ReportedWorker(name: "w", age: .milliseconds(400), report: report)])
    ]
    change(&look)
    return look
  }

  @Test func nothingIsWrongWithAPipelineThatIsWell() {
    #expect(Problem.find(in: Self.look()) == [])
    // Nor with what a process can't see.
    let blind = Self.look {
      ($0.store, $0.relay) = (nil, nil)
      $0.readModels = []
    }
    #expect(Problem.find(in: blind) == [])
  }

  private struct Case: Sendable, CustomTestStringConvertible {
    var id: String
    var severity: Problem.Severity
    var words: String
    var change: @Sendable (inout PipelineLook) -> Void
    var testDescription: String { id }
  }

  private static let cases: [Case] = [
    Case(id: "unreadable The store", severity: .wrong, words: "disk") {
      $0.failures = [.init(what: "The store", why: "the disk is gone")]
    },
    Case(id: "store unwritable", severity: .wrong, words: "database or disk is full") {
      $0.store?.writeFailure = "database or disk is full"
    },
    Case(id: "erasure", severity: .wrong, words: "3 removed streams") {
      $0.store?.erasures.count = 3
      $0.store?.erasures.since = Timestamp(microseconds: $0.time.microseconds - 700_000_000)
    },
    Case(id: "refused 1", severity: .wrong, words: "skip") {
      $0.relay?.refused = [
        RefusedEvent(
          position: EventPosition(partition: 1, partitionOffset: 3, sequenceNumber: 7, version: 1),
          id: EventID(time: .now()), streamID: "order-1", type: "Opened", size: 1,
          reason: "too large",
          since: .now())
      ]
    },
    Case(id: "no publisher", severity: .wrong, words: "stands by") {
      $0.relay?.phase = .standby
      $0.relay?.publisher = nil
    },
    Case(id: "relay", severity: .wrong, words: "no broker") {
      $0.relay?.phase = .waiting
      $0.relay?.failure = "no broker"
    },
    Case(id: "relay", severity: .wrong, words: "another store") {
      $0.relay?.phase = .blocked
      $0.relay?.failure = "another store's topic"
    },
    // A publisher that has heard nothing for some seconds goes on publishing, and says why.
    Case(id: "relay", severity: .wrong, words: "Kafka at k:9092 does not answer") {
      $0.relay?.failure = "the brokers have acknowledged nothing for 9 s: Connection refused"
      $0.relay?.brokers = "k:9092"
    },
    Case(
      id: "relay", severity: .wrong,
      words: "Connection refused; commands are taken, and 3 events wait"
    ) {
      $0.relay?.phase = .connecting
      $0.relay?.published = 7
      $0.relay?.failure = "Connection refused"
    },
    Case(id: "relay", severity: .wrong, words: "topic") {
      $0.relay?.phase = nil
      $0.relay?.standsSince = Timestamp(microseconds: $0.time.microseconds - 5_000_000)
    },
    Case(id: "cursor", severity: .warning, words: "locked") {
      $0.relay?.cursorFailure = "locked"
    },
    Case(id: "no worker sales", severity: .wrong, words: "projector run sales") {
      $0.readModels[0].workers = []
    },
    Case(id: "silent sales w", severity: .warning, words: "3 s") {
      $0.readModels[0].workers?[0].age = .seconds(3)
    },
    Case(id: "silent sales v", severity: .wrong, words: "9 s") {
      $0.readModels[0].workers?.append(
        ReportedWorker(name: "v", age: .seconds(9), report: nil))
    },
    // Another one has its partitions.
    Case(id: "gone sales v", severity: .note, words: "61 s ago") {
      var report = WorkerReport()
      report.partitions = [1]
      $0.readModels[0].workers?.append(
        ReportedWorker(name: "v", age: .seconds(61), report: report))
    },
    Case(id: "silent sales v", severity: .wrong, words: "61 s") {
      var report = WorkerReport()
      report.partitions = [1]
      $0.readModels[0].workers?[0].report?.partitions = [0]
      $0.readModels[0].workers?.append(
        ReportedWorker(name: "v", age: .seconds(61), report: report))
    },
    Case(id: "gone sales v", severity: .note, words: "no partitions") {
      $0.readModels[0].workers?.append(
        ReportedWorker(name: "v", age: .seconds(61), report: WorkerReport()))
    },
    Case(id: "unready sales w", severity: .warning, words: "no assignment") {
      $0.readModels[0].workers?[0].report?.reasons = ["no assignment yet"]
    },
    Case(id: "forged sales 1", severity: .wrong, words: "repair") {
      $0.readModels[0].forged = [1: 9]
    },
    Case(id: "ahead sales 0", severity: .wrong, words: "ends at 5") {
      $0.store?.heads[0] = 5
    },
    Case(id: "parked sales", severity: .wrong, words: "2 streams of sales are parked") {
      $0.readModels[0].unapplied = UnappliedCounts(parkedStreams: 2, parkedEvents: 5)
    },
    Case(id: "rejected sales", severity: .note, words: "1 record of the topic was") {
      $0.readModels[0].unapplied = UnappliedCounts(rejectedRecords: 1)
    },
    Case(id: "building sales", severity: .note, words: "being built") {
      $0.readModels[0].isBuilding = true
    },
    Case(id: "removals sales", severity: .note, words: "1 removed stream") {
      $0.readModels[0].removals = PendingRemovals(count: 1)
    },
    Case(id: "certificate", severity: .warning, words: "expires in 3 days") {
      $0.certificateExpiry = Timestamp(microseconds: $0.time.microseconds + 3 * 86_400_000_000 + 1)
    },
    Case(id: "certificate", severity: .wrong, words: "has expired") {
      $0.certificateExpiry = Timestamp(
        microseconds: $0.time.microseconds - 2 * 86_400_000_000)
    },
    Case(id: "unready 0", severity: .wrong, words: "events of the type") {
      $0.process.reasons = ["events of the type Opened can't be read"]
    },
    Case(id: "reload", severity: .wrong, words: "before is in force") { $0.isReloadFailing = true },
  ]

  @Test(arguments: cases) private func eachRuleFindsItsProblemAlone(_ each: Case) {
    let found = Problem.find(in: Self.look(each.change))
    #expect(found.map(\.id) == [each.id])
    guard let problem = found.first else { return }
    #expect(problem.severity == each.severity)
    var json = JSONWriter()
    problem.write(&json)
    let text = String(decoding: json.bytes, as: UTF8.self)
    #expect(text.contains(each.words), "\(text)")
    for sentence in [problem.what, problem.why, problem.todo] {
      #expect(!sentence.isEmpty && !sentence.hasSuffix("."), "\(sentence)")
    }
  }

  /// One that had no partitions is not replaced where nobody else runs.
  @Test func theLastWorkerIsNotReplaced() {
    let found = Problem.find(
      in: Self.look {
        $0.readModels[0].workers = [
          ReportedWorker(name: "w", age: .seconds(61), report: WorkerReport())
        ]
      })
    #expect(found.map(\.id) == ["no worker sales", "silent sales w"])
  }

  @Test func whatIsNoFailureOfTheBrokersIsNoneOfTheRelay() {
    let found = Problem.find(
      in: Self.look {
        $0.relay?.standsSince = Timestamp(microseconds: $0.time.microseconds - 4_000_000)
      })
    #expect(found == [])
    // An event that is refused is told as the publisher's failure too.
    let refusing = Problem.find(
      in: Self.look {
        $0.relay?.failure = "too large"
        $0.relay?.isRefusing = true
        $0.relay?.standsSince = Timestamp(microseconds: 0)
      })
    #expect(refusing == [])
  }

  @Test func aLagThatRisesIsAProblem() {
    let found = Problem.find(in: Self.look { $0.readModels[0].isRising = true })
    #expect(found.map(\.id) == ["rising sales"])
    #expect(found[0].todo.hasPrefix("Start more workers"))
  }

  /// More workers do not help where there is nothing to apply, or nothing is applied.
  @Test func moreWorkersAreAdvisedOnlyWhereTheyHelp() {
    let unpublished = Problem.find(
      in: Self.look {
        $0.readModels[0].isRising = true
        $0.relay?.failure = "Connection refused"
      })
    #expect(unpublished.map(\.id) == ["relay", "rising sales"])
    let standing = Problem.find(
      in: Self.look { ($0.readModels[0].isRising, $0.readModels[0].rate) = (true, 0) })
    #expect(standing.map(\.id) == ["rising sales"])
    for problem in unpublished + standing { #expect(!problem.todo.contains("more workers")) }
  }

  /// Also where what follows from it was there before.
  @Test func theCauseComesFirst() {
    var memory = ProblemMemory()
    let found = Problem.find(
      in: Self.look {
        $0.readModels[0].unapplied.parkedStreams = 1
        $0.relay?.failure = "Connection refused"
      })
    _ = memory.dated(found.filter { $0.id != "relay" }, at: Timestamp(microseconds: 1))
    let dated = memory.dated(found, at: Timestamp(microseconds: 2))
    #expect(dated.map(\.id) == ["relay", "parked sales"])
  }

  @Test func aRelayStandsWhereSomethingWaitsAndNothingIsPublished() {
    var progress = RelayProgress()
    func note(_ published: UInt64, _ head: UInt64, _ second: Int64) -> Int64? {
      progress.note(
        published: published, head: head, at: Timestamp(microseconds: second * 1_000_000)
      ).map { $0.microseconds / 1_000_000 }
    }
    #expect(note(5, 5, 1) == nil && note(5, 6, 2) == 2 && note(5, 9, 3) == 2)
    #expect(note(6, 9, 4) == nil && note(6, 9, 5) == 4 && note(9, 9, 6) == nil)
    #expect(note(9, 9, 7) == nil && note(9, 10, 8) == 8)
  }

  /// A worker has no assignment while the group gives its partitions anew.
  @Test func aRebalanceIsNoProblemAndWhatLastsIs() {
    let found = Problem.find(
      in: Self.look { $0.readModels[0].workers?[0].report?.reasons = ["no assignment yet"] })
    var memory = ProblemMemory()
    func told(_ second: Int64, _ problems: [Problem]) -> [String] {
      memory.dated(problems, at: Timestamp(microseconds: second * 1_000_000)).map(\.id)
    }
    #expect(told(100, found) == [] && told(109, found) == [])
    #expect(told(110, found) == ["unready sales w"])
    // One that passed and comes again is another.
    #expect(told(111, []) == [] && told(112, found) == [])
  }

  /// A dead worker's problem is as old as its last report.
  @Test func aSilentWorkerIsSilentSinceItsLastReport() {
    for age in [3, 7] as [Int64] {
      let look = Self.look { $0.readModels[0].workers?[0].age = .seconds(age) }
      let found = Problem.find(in: look)
      #expect(!found.isEmpty)
      for problem in found {
        #expect(problem.since?.microseconds == look.time.microseconds - age * 1_000_000)
      }
    }
    // That moment stays as it was told first.
    var memory = ProblemMemory()
    func since(_ microseconds: Int64) -> Int64? {
      var problem = Problem(severity: .wrong, id: "a", what: "", why: "", todo: "")
      problem.since = Timestamp(microseconds: microseconds)
      return memory.dated([problem], at: Timestamp(microseconds: 9_000_000))[0].since?.microseconds
    }
    #expect(since(1_000_000) == 1_000_000 && since(1_300_000) == 1_000_000)
    #expect(since(4_000_000) == 4_000_000)
  }

  @Test func aProblemIsDatedFromWhenItWasSeenFirstAndTheWorstComesFirst() {
    func problem(_ id: String, _ severity: Problem.Severity, _ what: String = "") -> Problem {
      Problem(severity: severity, id: id, what: what, why: "", todo: "")
    }
    var memory = ProblemMemory()
    let times = (0..<4).map { Timestamp(microseconds: 1_000_000 * Int64($0 + 1)) }
    _ = memory.dated([problem("a", .note)], at: times[0])
    let second = memory.dated(
      [problem("a", .note, "other words"), problem("b", .wrong), problem("c", .warning)],
      at: times[1])
    #expect(second.map(\.id) == ["b", "c", "a"])
    #expect(second.map(\.since) == [times[1], times[1], times[0]])
    _ = memory.dated([problem("b", .wrong)], at: times[2])
    // One that went and comes again is new.
    let last = memory.dated([problem("a", .wrong), problem("b", .wrong)], at: times[3])
    #expect(last.map(\.id) == ["b", "a"] && last.map(\.since) == [times[1], times[3]])
  }
}
