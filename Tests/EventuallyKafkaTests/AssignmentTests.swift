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
  var fenced = 0
  var repaired = 0
  var refuted = 0

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

  mutating func claim(_ partitions: [Partition], _ index: Int) {
    for partition in partitions {
      database[partition]?.epoch += 1
      let checkpoint = database[partition] ?? Checkpoint()
      workers[index].assignment.begin(
        PartitionLease(
          partition: partition, epoch: checkpoint.epoch, position: checkpoint.position,
          offsetHint: checkpoint.offset))
    }
  }

  mutating func reposition(_ index: Int) {
    for start in workers[index].assignment.takeRepositions() {
      workers[index].offsets[start.partition] =
        start.offset == StartOffset.beginning ? low[Int(start.partition)] : start.offset
    }
  }

  /// The group gives its partitions to its members anew; one that is paused does not hear of it.
  mutating func rebalance(except paused: Int?) {
    let members = workers.indices.filter { $0 != paused }
    for index in members {
      workers[index].assignment.end()
      workers[index].batch = Batch()
      workers[index].fetches = [:]
      workers[index].offsets = [:]
      workers[index].delivered = []
    }
    for partition in Self.partitions {
      let index = members[Int(random.next(UInt64(members.count)))]
      claim([partition], index)
      reposition(index)
    }
  }

  mutating func poll(_ index: Int) {
    reposition(index)
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
        workers[index].fetches[partition] = workers[index].assignment.reject(
          partition, offset: offset)
      } else {
        add(sequence, partition, index)
      }
    case .gap(let missing): workers[index].fetches[partition] = missing
    case .duplicate, .ignore: break
    }
  }

  private mutating func add(_ sequence: UInt64, _ partition: Partition, _ index: Int) {
    guard let progress = workers[index].assignment.partitions[partition] else { return }
    let position = EventPosition(
      partition: partition, partitionOffset: sequence, sequenceNumber: sequence, version: 1)
    workers[index].batch.add(.erased(at: position), progress)
  }

  /// The feed answers one request.
  mutating func feed(_ index: Int) {
    guard let (partition, missing) = workers[index].fetches.first else { return }
    workers[index].fetches[partition] = nil
    let head = heads[Int(partition)]
    if missing.lowerBound > head {
      if workers[index].assignment.refute(partition, head: head) != nil { refuted += 1 }
    } else {
      let end = min(missing.upperBound, head, missing.lowerBound + random.next(5))
      for sequence in missing.lowerBound...end
      where workers[index].assignment.repair(partition, sequence) {
        add(sequence, partition, index)
        repaired += 1
      }
    }
    workers[index].fetches[partition] = workers[index].assignment.missing(partition)
  }

  mutating func hearHeads(_ index: Int) {
    for (partition, missing) in workers[index].assignment.learn(heads: heads) {
      workers[index].fetches[partition] = missing
    }
  }

  /// Takes what is delivered, to be applied now or much later.
  mutating func deliver(_ index: Int) {
    guard workers[index].delivered.isEmpty else { return }
    workers[index].delivered = workers[index].batch.take() ?? []
  }

  mutating func apply(_ index: Int, now: ContinuousClock.Instant) {
    for delivery in workers[index].delivered {
      guard database[delivery.partition]?.epoch == delivery.epoch,
        database[delivery.partition]?.position == delivery.after
      else {
        fenced += 1
        let lease = PartitionLease(
          partition: delivery.partition, epoch: delivery.epoch, position: nil, offsetHint: nil)
        if workers[index].assignment.release(lease, until: now) {
          workers[index].batch.drop(delivery.partition)
        }
        continue
      }
      database[delivery.partition]?.position = delivery.lastPosition
      database[delivery.partition]?.offset = delivery.nextOffset
      database[delivery.partition]?.applied += delivery.entries.map(\.position.partitionOffset)
      workers[index].assignment.note(
        delivery.partition, epoch: delivery.epoch, position: delivery.lastPosition,
        nextOffset: delivery.nextOffset)
    }
    workers[index].delivered = []
  }

  mutating func step(_ index: Int, now: ContinuousClock.Instant) {
    switch random.next(10) {
    case 0: feed(index)
    case 1: hearHeads(index)
    case 2: deliver(index)
    case 3: apply(index, now: now)
    case 4 where random.next(6) == 0:
      let due = workers[index].assignment.takeDueReclaims(now)
      claim(due, index)
    default: poll(index)
    }
  }

  var isComplete: Bool {
    Self.partitions.allSatisfy { database[$0]?.position ?? 0 == heads[Int($0)] }
  }
}

private struct Random {
  var state: UInt64

  mutating func next(_ bound: UInt64) -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state >> 33) % bound
  }
}

@Suite struct AssignmentTests {
  /// Records are lost, repeated, disordered, made up and truncated, partitions are given to and fro, and a worker
  /// goes on that does not know that its partitions have been taken over. In the end each event of each partition was
  /// applied once, in order, and nothing is stuck.
  @Test(arguments: 0..<300) func eachEventIsAppliedOnceInOrder(_ round: UInt64) {
    let seed = round &* 0x9E37_79B9_7F4A_7C15 &+ 1
    var simulation = Simulation(seed: seed)
    let now = ContinuousClock.now
    simulation.rebalance(except: nil)
    for _ in 0..<1500 {
      switch simulation.random.next(60) {
      case 0: simulation.rebalance(except: nil)
      case 1: simulation.rebalance(except: Int(simulation.random.next(3)))
      case 2: simulation.truncate()
      case 3..<20: simulation.append()
      default: simulation.step(Int(simulation.random.next(3)), now: now)
      }
    }
    // Quiet: nobody appends any more, and everybody hears of the last assignment.
    simulation.rebalance(except: nil)
    var steps = 0
    while !simulation.isComplete, steps < 20_000 {
      simulation.step(steps % 3, now: now)
      steps += 1
    }
    for partition in Simulation.partitions {
      let head = simulation.heads[Int(partition)]
      #expect(
        simulation.database[partition]?.applied == (head > 0 ? Array(1...head) : []),
        "seed \(seed), partition \(partition), after \(steps) steps")
    }
  }

  /// The simulation really gets into what it is there for.
  @Test func theSimulationMeetsEveryTrouble() {
    var fenced = 0
    var repaired = 0
    var refuted = 0
    for round in 0..<40 {
      var simulation = Simulation(seed: UInt64(round))
      simulation.rebalance(except: nil)
      for _ in 0..<1500 {
        switch simulation.random.next(60) {
        case 0: simulation.rebalance(except: Int(simulation.random.next(3)))
        case 2: simulation.truncate()
        case 3..<20: simulation.append()
        default: simulation.step(Int(simulation.random.next(3)), now: .now)
        }
      }
      fenced += simulation.fenced
      repaired += simulation.repaired
      refuted += simulation.refuted
    }
    #expect(fenced > 0)
    #expect(repaired > 0)
    #expect(refuted > 0)
  }

  @Test func aStoreThatHasGoneBackIsNoticed() {
    var assignment = Assignment()
    assignment.begin(
      PartitionLease(partition: 0, epoch: 1, position: 10, offsetHint: nil))
    _ = assignment.learn(heads: [7])
    #expect(!assignment.isStoreBehind(0))
    _ = assignment.learn(heads: [8])
    #expect(assignment.isStoreBehind(0))
    _ = assignment.learn(heads: [10])
    #expect(!assignment.isStoreBehind(0))
  }

  @Test func whatIsToldToOthersIsWhatWasApplied() {
    var assignment = Assignment()
    assignment.begin(PartitionLease(partition: 0, epoch: 3, position: 4, offsetHint: 9))
    #expect(assignment.appliedPosition(0) == 4)
    assignment.note(0, epoch: 2, position: 8, nextOffset: 20)
    #expect(assignment.appliedPosition(0) == 4)
    assignment.note(0, epoch: 3, position: 6, nextOffset: 12)
    #expect(assignment.appliedPosition(0) == 6)
    #expect(assignment.appliedOffset(0) == 12)
    let commits = assignment.takeCommits()
    #expect(commits == [StartOffset(partition: 0, offset: 12)])
    let again = assignment.takeCommits()
    #expect(again.isEmpty)
  }
}
