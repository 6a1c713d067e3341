import Eventually
import Testing

@testable import EventuallyKafka

/// A store, a broker that loses, repeats and disorders records, a read model's database and its workers, all simulated:
/// the workers decide with ``Assignment`` as the real ones do.
private struct Simulation {
  enum Record: Equatable {
    case event(UInt64)
    case foreign
  }

  struct Checkpoint {
    var epoch: UInt64 = 0
    var position: UInt64?
    var offset: Int64?
    var applied: [UInt64] = []
  }

  struct Worker {
    var assignment = Assignment()
    /// Where the consumer is; partitions that are not here are not consumed.
    var offsets: [Partition: Int64] = [:]
    var batch = Batch<Int>()
    var fetches: [Partition: ClosedRange<UInt64>] = [:]
    var delivered: [Delivery<Int>] = []
  }

  static let partitions: [Partition] = [0, 1]
  var random: Random
  var heads: [UInt64] = [0, 0]
  var topic: [[Record]] = [[], []]
  var low: [Int64] = [0, 0]
  var database: [Partition: Checkpoint] = [0: Checkpoint(), 1: Checkpoint()]
  var workers = [Worker(), Worker(), Worker()]
  var committed: [Partition: Int64] = [:]
  var now = ContinuousClock.now
  var fenced = 0
  var repaired = 0
  var rejected = 0
  var stalled = 0

  init(seed: UInt64) {
    random = Random(state: seed)
  }

  // MARK: - The store and the broker

  mutating func append() {
    let partition = Int(random.next(2))
    heads[partition] += 1
    let sequence = heads[partition]
    switch random.next(20) {
    case 0: break  // lost
    case 1: topic[partition] += [.event(sequence), .event(sequence)]
    case 2: topic[partition] += [.foreign, .event(sequence)]
    case 3: topic[partition] += [.event(sequence + 1000 + random.next(5)), .event(sequence)]
    case 4 where sequence > 3:
      topic[partition] += [.event(sequence - random.next(3)), .event(sequence)]
    case 5 where !topic[partition].isEmpty:
      topic[partition].insert(.event(sequence), at: topic[partition].count - 1)
    default: topic[partition].append(.event(sequence))
    }
  }

  /// Retention deletes what is oldest.
  mutating func truncate() {
    let partition = Int(random.next(2))
    low[partition] = min(Int64(topic[partition].count), low[partition] + Int64(random.next(8)))
  }

  // MARK: - Workers

  mutating func perform(_ actions: [Assignment.Action], _ index: Int) {
    for action in actions {
      switch action {
      case .finish:
        // What was delivered is applied, or its worker is paused.
        if random.next(2) == 0 { apply(index) } else { workers[index].delivered = [] }
        perform(workers[index].assignment.finished(), index)
      case .claim(let partitions): claim(partitions, index)
      case .assign(let starts):
        workers[index].offsets = [:]
        move(starts, index)
      case .unassign: workers[index].offsets = [:]
      case .seek(let starts):
        if random.next(10) == 0 {
          workers[index].assignment.couldNotMove(starts.map(\.partition))
        } else {
          move(starts, index)
        }
      case .now(let effect): perform([effect], index)
      }
    }
  }

  mutating func perform(_ effects: [Assignment.Effect], _ index: Int) {
    for effect in effects {
      switch effect {
      case .commit(let offsets):
        for offset in offsets { committed[offset.partition] = offset.offset }
      case .dropAll:
        workers[index].batch = Batch()
        workers[index].fetches = [:]
      case .drop(let partition): workers[index].batch.drop(partition)
      case .fetch(let partition, let missing, _): workers[index].fetches[partition] = missing
      case .noteFenced: fenced += 1
      case .noteRepaired: repaired += 1
      case .noteRejectedClaim: rejected += 1
      }
    }
  }

  private mutating func claim(_ partitions: [Partition], _ index: Int) {
    let leases = partitions.map { partition in
      database[partition]?.epoch += 1
      let checkpoint = database[partition] ?? Checkpoint()
      return PartitionLease(
        partition: partition, epoch: checkpoint.epoch, position: checkpoint.position,
        offsetHint: checkpoint.offset)
    }
    perform(workers[index].assignment.claimed(leases), index)
  }

  private mutating func move(_ starts: [StartOffset], _ index: Int) {
    for start in starts {
      workers[index].offsets[start.partition] =
        start.offset == StartOffset.beginning ? low[Int(start.partition)] : start.offset
    }
  }

  /// The group gives its partitions to its members anew; one that is paused is not told.
  mutating func rebalance(except paused: Int?) {
    let members = workers.indices.filter { $0 != paused }
    for index in members {
      perform(workers[index].assignment.revoke(isLost: random.next(3) == 0), index)
      workers[index].delivered = []
    }
    var shares: [Int: [Partition]] = [:]
    for partition in Self.partitions {
      shares[members[Int(random.next(UInt64(members.count)))], default: []].append(partition)
    }
    for index in members {
      perform(workers[index].assignment.assign(shares[index] ?? []), index)
    }
  }

  mutating func poll(_ index: Int) {
    perform(workers[index].assignment.beforePoll(), index)
    for partition in Self.partitions {
      for _ in 0..<random.next(4) {
        guard let offset = workers[index].offsets[partition] else { break }
        if offset < low[Int(partition)] || offset > Int64(topic[Int(partition)].count) {
          workers[index].offsets[partition] = low[Int(partition)]
          break
        }
        guard offset < Int64(topic[Int(partition)].count) else {
          workers[index].assignment.reachEnd(partition, offset: offset)
          break
        }
        workers[index].offsets[partition] = offset + 1
        receive(topic[Int(partition)][Int(offset)], partition, offset, index)
      }
    }
  }

  private mutating func receive(
    _ record: Record, _ partition: Partition, _ offset: Int64, _ index: Int
  ) {
    guard case .event(let sequence) = record else {
      _ = workers[index].assignment.passRejected(partition, offset: offset)
      return
    }
    switch workers[index].assignment.receive(partition, sequence, offset: offset) {
    case .accept:
      // Now and then a record can't be decoded.
      if random.next(25) == 0 {
        perform(workers[index].assignment.reject(partition, offset: offset), index)
      } else {
        add(sequence, partition, index)
      }
    case .gap(let missing): workers[index].fetches[partition] = missing
    case .duplicate, .ignore: break
    }
  }

  private mutating func add(_ sequence: UInt64, _ partition: Partition, _ index: Int) {
    guard let progress = workers[index].assignment.progress(of: partition) else { return }
    let position = EventPosition(
      partition: partition, partitionOffset: sequence, sequenceNumber: sequence, version: 1)
    workers[index].batch.add(.erased(id: EventID(high: 1, low: sequence), at: position), progress)
  }

  /// The feed answers one request.
  mutating func feed(_ index: Int) {
    guard let (partition, missing) = workers[index].fetches.first else { return }
    workers[index].fetches[partition] = nil
    let head = heads[Int(partition)]
    if missing.lowerBound > head {
      return perform(workers[index].assignment.rejectClaim(partition, head: head), index)
    }
    let end = min(missing.upperBound, head, missing.lowerBound + random.next(5))
    for sequence in missing.lowerBound...end
    where workers[index].assignment.repair(partition, sequence) {
      // Now and then what the feed brings can't be decoded either, for a while.
      if random.next(100) == 0 {
        stalled += 1
        return perform(workers[index].assignment.stall(partition), index)
      }
      add(sequence, partition, index)
    }
    perform(workers[index].assignment.repaired(partition), index)
  }

  mutating func learnHeads(_ index: Int) {
    perform(workers[index].assignment.learn(heads: heads), index)
  }

  /// Takes what is delivered, to be applied now or much later.
  mutating func deliver(_ index: Int) {
    guard workers[index].delivered.isEmpty else { return }
    workers[index].delivered = workers[index].batch.take() ?? []
  }

  mutating func apply(_ index: Int) {
    for delivery in workers[index].delivered {
      guard database[delivery.partition]?.epoch == delivery.epoch,
        database[delivery.partition]?.position == delivery.after
      else {
        let lease = PartitionLease(
          partition: delivery.partition, epoch: delivery.epoch, position: nil, offsetHint: nil)
        perform(workers[index].assignment.fenced([lease], at: now, using: &random), index)
        continue
      }
      database[delivery.partition]?.position = delivery.lastPosition
      database[delivery.partition]?.offset = delivery.nextOffset
      database[delivery.partition]?.applied += delivery.entries.map(\.position.partitionOffset)
      workers[index].assignment.applied(
        delivery.partition, epoch: delivery.epoch, position: delivery.lastPosition,
        nextOffset: delivery.nextOffset)
    }
    workers[index].delivered = []
  }

  mutating func step(_ index: Int) {
    now += .milliseconds(50)
    switch random.next(10) {
    case 0: feed(index)
    case 1: learnHeads(index)
    case 2: deliver(index)
    case 3: apply(index)
    case 4:
      if random.next(60) == 0 { workers[index].assignment.renew() }
      perform(workers[index].assignment.tick(now), index)
    default: poll(index)
    }
  }

  var isComplete: Bool {
    Self.partitions.allSatisfy { database[$0]?.position ?? 0 == heads[Int($0)] }
  }
}

private struct Random: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 { next(1 << 31) << 33 | next(1 << 31) << 2 }

  mutating func next(_ bound: UInt64) -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state >> 33) % bound
  }
}

@Suite struct AssignmentTests {
  private func play(seed: UInt64) -> (simulation: Simulation, steps: Int) {
    var simulation = Simulation(seed: seed)
    simulation.rebalance(except: nil)
    for _ in 0..<1500 {
      switch simulation.random.next(60) {
      case 0: simulation.rebalance(except: nil)
      case 1: simulation.rebalance(except: Int(simulation.random.next(3)))
      case 2: simulation.truncate()
      case 3..<20: simulation.append()
      default: simulation.step(Int(simulation.random.next(3)))
      }
    }
    // Quiet: nobody appends any more, and everybody is told the last assignment.
    simulation.rebalance(except: nil)
    var steps = 0
    while !simulation.isComplete, steps < 20_000 {
      simulation.step(steps % 3)
      steps += 1
    }
    return (simulation, steps)
  }

  /// Records are lost, repeated, disordered, made up and truncated, partitions are given to and fro, and a worker
  /// goes on that does not know that its partitions have been taken over. In the end each event of each partition was
  /// applied once, in order, and nothing is stuck.
  @Test(arguments: 0..<300) func eachEventIsAppliedOnceInOrder(_ round: UInt64) {
    let seed = round &* 0x9E37_79B9_7F4A_7C15 &+ 1
    let (simulation, steps) = play(seed: seed)
    for partition in Simulation.partitions {
      let head = simulation.heads[Int(partition)]
      #expect(
        simulation.database[partition]?.applied == (head > 0 ? Array(1...head) : []),
        "seed \(seed), partition \(partition), after \(steps) steps")
    }
  }

  /// The simulation really gets into what it is there for.
  @Test func theSimulationMeetsEveryTrouble() {
    let simulations = (0..<40).map { play(seed: $0).simulation }
    #expect(simulations.contains { $0.fenced > 0 })
    #expect(simulations.contains { $0.repaired > 0 })
    #expect(simulations.contains { $0.stalled > 0 })
    #expect(simulations.contains { $0.rejected > 0 })
    #expect(simulations.contains { !$0.committed.isEmpty })
  }

  private func held(_ leases: PartitionLease...) -> Assignment {
    var assignment = Assignment()
    _ = assignment.assign(leases.map(\.partition))
    _ = assignment.claimed(leases)
    return assignment
  }

  @Test func aStoreThatHasGoneBackIsNoticed() {
    var assignment = held(PartitionLease(partition: 0, epoch: 1, position: 10, offsetHint: nil))
    func isStoreBehind() -> Bool? { assignment.status(failures: [:])[0]?.isStoreBehind }
    _ = assignment.learn(heads: [7])
    #expect(isStoreBehind() == false)
    _ = assignment.learn(heads: [8])
    #expect(isStoreBehind() == true)
    _ = assignment.learn(heads: [10])
    #expect(isStoreBehind() == false)
  }

  @Test func whatIsToldToOthersIsWhatWasApplied() {
    var assignment = held(PartitionLease(partition: 0, epoch: 3, position: 4, offsetHint: 9))
    func told() -> SubscriptionStatus.Assigned? { assignment.status(failures: [:])[0] }
    #expect(told()?.position == 4)
    assignment.applied(0, epoch: 2, position: 8, nextOffset: 20)
    #expect(told()?.position == 4)
    assignment.applied(0, epoch: 3, position: 6, nextOffset: 12)
    #expect(told()?.position == 6)
    #expect(told()?.nextOffset == 12)
    let commits = assignment.commits()
    #expect(commits == [.commit([StartOffset(partition: 0, offset: 12)])])
    let again = assignment.commits()
    #expect(again.isEmpty)
  }

  /// Nobody competes for a partition whose checkpoint was only taken back.
  @Test func aLeaseThatIsAheadOfItsCheckpointIsReplacedAtOnce() {
    let now = ContinuousClock.now
    var assignment = held(PartitionLease(partition: 0, epoch: 1, position: 4, offsetHint: 9))
    var generator = Random(state: 1)
    var lease = PartitionLease(partition: 0, epoch: 1, position: 4, offsetHint: nil)
    lease.isAheadOfCheckpoint = true
    let fenced = assignment.fenced([lease], at: now, using: &generator)
    #expect(fenced == [.drop(0), .noteFenced(lease)])
    #expect(assignment.status(failures: [:])[0]?.isAheadOfCheckpoint == true)
    let due = assignment.tick(now)
    #expect(due.contains(.claim([0])), "\(due)")
  }

  @Test func whatIsDueWaitsForItsTime() {
    let now = ContinuousClock.now
    var assignment = held(
      PartitionLease(partition: 0, epoch: 1, position: 4, offsetHint: 9),
      PartitionLease(partition: 1, epoch: 5, position: 2, offsetHint: 3))
    var generator = Random(state: 1)
    let other = PartitionLease(partition: 0, epoch: 7, position: nil, offsetHint: nil)
    let ofOther = assignment.fenced([other], at: now, using: &generator)
    #expect(ofOther.isEmpty)
    let lease = PartitionLease(partition: 0, epoch: 1, position: nil, offsetHint: nil)
    let fenced = assignment.fenced([lease], at: now, using: &generator)
    #expect(fenced == [.drop(0), .noteFenced(lease)])
    assignment.applied(1, epoch: 5, position: 3, nextOffset: 4)
    let first = assignment.tick(now)
    #expect(first == [.now(.commit([StartOffset(partition: 1, offset: 4)]))])
    assignment.applied(1, epoch: 5, position: 4, nextOffset: 5)
    let early = assignment.tick(now + .milliseconds(999))
    #expect(early.isEmpty)
    let due = assignment.tick(now + .seconds(3))
    #expect(due == [.claim([0]), .now(.commit([StartOffset(partition: 1, offset: 5)]))])
    let moves = assignment.claimed([
      PartitionLease(partition: 0, epoch: 8, position: 6, offsetHint: 11)
    ])
    #expect(moves.isEmpty)
    let seek = assignment.beforePoll()
    #expect(seek == [.seek([StartOffset(partition: 0, offset: 11)])])
    assignment.couldNotMove([0])
    let again = assignment.beforePoll()
    #expect(again == seek)
    let none = assignment.beforePoll()
    #expect(none.isEmpty)
  }

  /// Every sequence of six inputs out of eight: the client has exactly the partitions that are held, each is held under its
  /// newest lease or fenced, and offsets are committed once, and never of a partition that others may have.
  @Test func everySequenceOfInputsLeavesClientAndLeasesInAgreement() {
    func play(_ coordinator: Coordinator, _ depth: Int) {
      for input in Coordinator.Input.allCases {
        var next = coordinator
        next.play(input)
        if let fault = next.fault {
          Issue.record("\(next.inputs): \(fault)")
        } else if depth > 1 {
          play(next, depth - 1)
        }
      }
    }
    play(Coordinator(), 6)
  }
}

/// A group, a client and a database around one ``Assignment``.
private struct Coordinator {
  enum Input: CaseIterable {
    case assignBoth, assignOne, revoke, lose, fence, apply, renew, tick
  }

  var inputs: [Input] = []
  var fault: String?
  private var assignment = Assignment()
  private var random = Random(state: 1)
  private var now = ContinuousClock.now
  private var client: Set<Partition> = []
  private var epochs: [Partition: UInt64] = [:]
  private var positions: [Partition: UInt64] = [:]
  private var committed: [Partition: Int64] = [:]
  private var mayCommit = true
  private var isFinishing = false

  mutating func play(_ input: Input) {
    inputs.append(input)
    mayCommit = input != .lose
    switch input {
    case .assignBoth: perform(assignment.assign([0, 1]))
    case .assignOne: perform(assignment.assign([1]))
    case .revoke: perform(assignment.revoke(isLost: false))
    case .lose: perform(assignment.revoke(isLost: true))
    case .fence:
      // Another worker has taken it.
      epochs[0, default: 0] += 1
      let lease = PartitionLease(
        partition: 0, epoch: epochs[0, default: 0] - 1, position: nil, offsetHint: nil)
      let effects = assignment.fenced([lease], at: now, using: &random)
      perform(effects.map(Assignment.Action.now))
    case .apply:
      positions[1, default: 0] += 1
      let position = positions[1, default: 0]
      assignment.applied(
        1, epoch: epochs[1, default: 0], position: position, nextOffset: Int64(position) + 100)
    case .renew: assignment.renew()
    case .tick:
      now += .seconds(4)
      perform(assignment.tick(now))
      perform(assignment.beforePoll())
    }
    check()
  }

  private mutating func perform(_ actions: [Assignment.Action]) {
    for action in actions {
      switch action {
      case .finish:
        isFinishing = true
        perform(assignment.finished())
        isFinishing = false
      case .claim(let partitions):
        perform(
          assignment.claimed(
            partitions.map { partition in
              epochs[partition, default: 0] += 1
              return PartitionLease(
                partition: partition, epoch: epochs[partition, default: 0],
                position: positions[partition], offsetHint: committed[partition])
            }))
      case .assign(let starts): client = Set(starts.map(\.partition))
      case .unassign:
        if !isFinishing { fault = "unassigned before what was delivered is finished" }
        client = []
      case .seek(let starts):
        if !client.isSuperset(of: starts.map(\.partition)) { fault = "seeks \(starts)" }
      case .now(.commit(let offsets)):
        for offset in offsets {
          if !mayCommit || !client.contains(offset.partition)
            || offset.offset <= committed[offset.partition] ?? 0
          {
            fault = "commits \(offset)"
          }
          committed[offset.partition] = offset.offset
        }
      case .now: break
      }
    }
  }

  private mutating func check() {
    if Set(assignment.partitions.keys) != client {
      fault = "holds \(assignment.partitions.keys), and the client has \(client)"
    }
    for (partition, held) in assignment.partitions where held.progress.phase != .fenced {
      if held.progress.lease.epoch != epochs[partition] {
        fault = "holds \(partition) under epoch \(held.progress.lease.epoch)"
      }
    }
    if inputs.last == .tick, assignment.partitions.values.contains(where: { $0.move != .none }) {
      fault = "a move is left"
    }
    if inputs.last == .tick,
      assignment.partitions.values.contains(where: { $0.progress.phase == .fenced })
    {
      fault = "a fenced partition was not taken anew"
    }
  }
}
