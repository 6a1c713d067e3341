/// A recovery in the hands of the process that has the partition.
package struct PartitionRecovery: Sendable, Equatable {
  package let recovery: CrashRecovery
  package let epoch: UInt64
  /// The partition offset that was applied last under the lease.
  package var applied: UInt64

  package init(recovery: CrashRecovery, epoch: UInt64, applied: UInt64) {
    self.recovery = recovery
    self.epoch = epoch
    self.applied = applied
  }
}

/// Decides in which transactions a batch is applied. It performs none: the shell carries out what ``next()`` says, and tells
/// what became of it by ``ended(_:)``, until there is nothing left.
///
/// Events on which a process has ended go first, each in a transaction of its own; then all deliveries in one. Where leases
/// are refused, nothing of the transaction is applied, and the others go again without them. Where the read model's code
/// fails, the same goes once more, to find all events that fail.
package struct BatchApplication<Event: Sendable>: Sendable {
  /// A transaction to be tried: all of it is applied, or nothing.
  package struct Transaction: Sendable {
    package var deliveries: [Delivery<Event>]
    /// Events whose streams are to be parked from there on.
    package var parking: [ProjectionFailure]
    /// Whether all events that fail are to be found, each without what the ones before it have half done.
    package var isIsolating = false
    /// What is noted in the crash journal of a single event; `nil` where each delivery is noted as a whole.
    fileprivate var single: CrashMark?
    /// Whether it is of one event that is in doubt since a process has ended.
    fileprivate var isRecovering = false

    /// What is noted in the crash journal while a delivery of the transaction is projected.
    package func mark(_ delivery: Delivery<Event>) -> CrashMark? {
      single
        ?? CrashMark(delivery.lastPosition, attempts: delivery.entries.count == 1 ? 1 : 0)
    }
  }

  /// What became of a transaction.
  package enum Ending: Sendable {
    /// It is committed, with so many entries parked.
    case committed(parked: Int)
    /// These leases were refused; nothing was applied.
    case fenced([PartitionLease])
    /// The read model's code failed; nothing was applied.
    case failed(ProjectionFailures)
    /// It was broken off before it could be committed, by something that passes; nothing was applied.
    case interrupted(any Error)
    /// It is not known whether it was committed.
    case unknown(any Error, parked: Int)
  }

  /// What the checkpoints say about a transaction, see ``check(_:)``.
  package enum Admission: Equatable {
    case admitted
    case fenced([PartitionLease])
    /// An earlier attempt at it was committed, without its outcome being known; so many entries were parked.
    case applied(parked: Int)
  }

  /// Where a partition's checkpoint is.
  package struct Checkpoint: Hashable, Sendable {
    package var epoch: UInt64
    package var position: UInt64?

    package init(epoch: UInt64, position: UInt64?) {
      self.epoch = epoch
      self.position = position
    }
  }

  /// A transaction of which it is not known whether it was committed: where its checkpoints are if it was.
  package struct InDoubt: Equatable, Sendable {
    fileprivate var checkpoints: [Partition: Checkpoint]
    fileprivate var parked: Int
  }

  /// How often a transaction that is broken off is tried in all.
  package static var attempts: Int { 5 }

  private var waiting: ArraySlice<Delivery<Event>>
  private let parking: [ProjectionFailure]
  /// What is applied in one transaction.
  private var rest: [Delivery<Event>] = []
  private var current: Transaction?
  private var failure: (any Error)?
  private var interruptions = 0
  /// What is in doubt, by partition; it outlives the batch, whose next attempt has to know it.
  package private(set) var recoveries: [Partition: PartitionRecovery]
  /// The transaction that was in doubt last; it outlives the batch as well.
  package private(set) var inDoubt: InDoubt?
  package private(set) var outcome = ApplyOutcome()

  package init(
    _ deliveries: [Delivery<Event>], parking: [ProjectionFailure],
    recoveries: [Partition: PartitionRecovery] = [:], inDoubt: InDoubt? = nil
  ) {
    waiting = deliveries[...]
    self.parking = parking
    self.recoveries = recoveries
    self.inDoubt = inDoubt
  }

  /// The transaction to be tried next; `nil` where the batch is done with.
  /// - Throws: what keeps it from being applied, such as ``ProjectionFailures``.
  package mutating func next() throws -> Transaction? {
    if let failure { throw failure }
    if current == nil { current = single() }
    if current == nil, !rest.isEmpty { current = Transaction(deliveries: rest, parking: parking) }
    return current
  }

  /// The next event that is in doubt, alone. What is beyond doubt is put with the rest.
  private mutating func single() -> Transaction? {
    while let delivery = waiting.first {
      guard let recovery = recoveries[delivery.partition], recovery.epoch == delivery.epoch else {
        rest.append(waiting.removeFirst())
        continue
      }
      // An earlier attempt at the same delivery may have come half way.
      let applied = delivery.entries.prefix {
        $0.position.partitionOffset <= recovery.applied
      }.count
      guard applied < delivery.entries.count else {
        waiting.removeFirst()
        continue
      }
      let entry = delivery.entries[applied]
      var single = Transaction(
        deliveries: [delivery.single(applied)], parking: parking, isRecovering: true)
      switch recovery.recovery.next(entry.position.partitionOffset) {
      case .end:
        rest.append(delivery.dropping(first: applied))
        waiting.removeFirst()
        continue
      case .apply(let mark): single.single = mark
      case .park(let deaths):
        if let streamID = entry.streamID {
          single.parking.append(
            ProjectionFailure(
              position: entry.position, streamID: streamID,
              reason: "applying it has ended the process \(deaths) times"))
        }
      }
      return single
    }
    return nil
  }

  /// Whether the transaction may go on, by the checkpoints of its partitions, which it has locked.
  package func check(_ checkpoints: [Partition: Checkpoint]) -> Admission {
    guard let deliveries = current?.deliveries else { return .admitted }
    let ends = Dictionary(deliveries.map { ($0.partition, $0.end) }) { $1 }
    if let inDoubt, inDoubt.checkpoints == ends,
      ends.contains(where: { checkpoints[$0.key] == $0.value })
    {
      return .applied(parked: inDoubt.parked)
    }
    let fenced = deliveries.filter {
      checkpoints[$0.partition] != Checkpoint(epoch: $0.epoch, position: $0.after)
    }
    if fenced.isEmpty { return .admitted }
    return .fenced(
      fenced.map { delivery in
        var lease = delivery.lease
        if let checkpoint = checkpoints[delivery.partition], checkpoint.epoch == delivery.epoch {
          lease.isAheadOfCheckpoint = checkpoint.position ?? 0 < delivery.after ?? 0
        }
        return lease
      })
  }

  /// What has become of the transaction that ``next()`` said last.
  package mutating func ended(_ ending: Ending) {
    guard let transaction = current else { return }
    switch ending {
    case .committed, .fenced, .failed: inDoubt = nil
    case .interrupted, .unknown: break
    }
    switch ending {
    case .committed(let parked):
      outcome.parked += parked
      current = nil
      interruptions = 0
      for delivery in transaction.deliveries {
        if transaction.isRecovering {
          recoveries[delivery.partition]?.applied = delivery.lastPosition
        } else {
          recoveries[delivery.partition] = nil
        }
      }
      if !transaction.isRecovering { rest = [] }
    case .fenced(let leases):
      outcome.fenced += leases
      current = nil
      let partitions = Set(leases.map(\.partition))
      if transaction.isRecovering {
        for partition in partitions { recoveries[partition] = nil }
        waiting.removeAll { partitions.contains($0.partition) }
      } else {
        rest.removeAll { partitions.contains($0.partition) }
      }
    case .failed(let failures):
      if transaction.isIsolating { failure = failures } else { current?.isIsolating = true }
    case .interrupted(let error): interrupted(error)
    case .unknown(let error, let parked):
      inDoubt = InDoubt(
        checkpoints: Dictionary(transaction.deliveries.map { ($0.partition, $0.end) }) { $1 },
        parked: parked)
      interrupted(error)
    }
  }

  private mutating func interrupted(_ error: any Error) {
    interruptions += 1
    if interruptions >= Self.attempts { failure = error }
  }
}

extension Delivery {
  /// The lease that the delivery was read under.
  package var lease: PartitionLease {
    PartitionLease(partition: partition, epoch: epoch, position: after, offsetHint: nil)
  }

  /// Where the checkpoint is once the delivery is applied.
  fileprivate var end: BatchApplication<Event>.Checkpoint {
    .init(epoch: epoch, position: lastPosition)
  }

  fileprivate func dropping(first count: Int) -> Delivery {
    guard count > 0 else { return self }
    var left = self
    left.after = entries[count - 1].position.partitionOffset
    left.entries.removeFirst(count)
    return left
  }

  /// A delivery of one of the entries. Where the bus has what comes next is known of the last one only.
  fileprivate func single(_ index: Int) -> Delivery {
    Delivery(
      partition: partition, epoch: epoch,
      after: index == 0 ? after : entries[index - 1].position.partitionOffset,
      entries: [entries[index]], nextOffset: index == entries.count - 1 ? nextOffset : nil)
  }
}
