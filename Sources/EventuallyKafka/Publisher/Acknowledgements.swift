package import Eventually

/// When the broker has acknowledged an event's record, and where the topic has it.
package struct Acknowledgement: Sendable, Hashable {
  /// The record's offset in the topic's partition; `nil` where the broker did not tell.
  package var offset: Int64?
  /// Between these moments; the same for one that is known exactly.
  package var times: ClosedRange<Timestamp>

  /// An acknowledgement from its parts.
  package init(offset: Int64?, times: ClosedRange<Timestamp>) {
    self.offset = offset
    self.times = times
  }
}

/// The acknowledgements of the last hour. Records that follow each other are a run; where there are many runs, older ones are joined, and say
/// less exactly when each of their records was acknowledged.
package struct Acknowledgements: Sendable {
  /// Records of a partition that follow each other in the store's partition and in the topic's.
  private struct Run {
    var first: UInt64
    var last: UInt64
    /// The topic's offset of the first; less than 0 where the broker did not tell.
    var offset: Int64
    var begin: Timestamp
    var end: Timestamp

    /// The offset of a record that comes right after the run.
    var next: Int64 { offset < 0 ? offset : offset &+ Int64(clamping: last &- first) &+ 1 }
  }

  /// At most so many runs are kept of all partitions.
  package static let limit = 50_000
  /// What was acknowledged longer ago is not told.
  package static let age = Duration.seconds(3_600)

  private var runs: [[Run]]
  /// How many runs are kept.
  var runCount: Int { runs.reduce(0) { $0 + $1.count } }
  private let limit: Int

  /// None.
  package init(partitionCount: Partition) {
    let count = max(1, Int(partitionCount))
    runs = [[Run]](repeating: [], count: count)
    limit = max(16, Self.limit / count)
  }

  /// Notes that the record of the event at a partition offset was acknowledged.
  /// - Parameter offset: the topic's offset; less than 0 where the broker did not tell.
  package mutating func note(
    _ position: UInt64, in partition: Partition, offset: Int64, at time: Timestamp
  ) {
    let index = Int(partition)
    guard runs.indices.contains(index) else { return }
    let count = runs[index].count
    if count > 0 {
      let last = runs[index][count - 1]
      if last.last &+ 1 == position, last.next == max(-1, offset), last.end == time {
        runs[index][count - 1].last = position
        return
      }
    }
    if count >= limit { shorten(index, time) }
    runs[index].append(
      Run(first: position, last: position, offset: max(-1, offset), begin: time, end: time))
  }

  /// Drops what is too old, and joins neighbours but for the newest quarter.
  private mutating func shorten(_ index: Int, _ now: Timestamp) {
    let all = runs[index]
    let newest = all.count - all.count / 4
    var joined: [Run] = []
    var isOdd = false
    for (place, run) in all.enumerated() {
      if isOld(run, now) { continue }
      isOdd.toggle()
      if !isOdd, place < newest, let last = joined.last, last.last &+ 1 == run.first,
        last.next == run.offset
      {
        joined[joined.count - 1].last = run.last
        joined[joined.count - 1].begin = min(last.begin, run.begin)
        joined[joined.count - 1].end = max(last.end, run.end)
      } else {
        joined.append(run)
      }
    }
    // They were no neighbours.
    let most = limit - limit / 8
    if joined.count > most { joined.removeFirst(joined.count - most) }
    runs[index] = joined
  }

  private func isOld(_ run: Run, _ now: Timestamp) -> Bool {
    now.microseconds - run.end.microseconds > Self.age.nanoseconds / 1_000
  }

  /// When the record of the event at a partition offset was acknowledged, the last time where that was more than once; `nil` where it was not
  /// within the last hour, or is not known any more.
  package func find(
    _ position: UInt64, in partition: Partition, now: Timestamp
  ) -> Acknowledgement? {
    guard runs.indices.contains(Int(partition)),
      let run = runs[Int(partition)].last(where: { $0.first <= position && position <= $0.last }),
      !isOld(run, now)
    else { return nil }
    let offset = run.offset < 0 ? nil : run.offset &+ Int64(clamping: position &- run.first)
    return Acknowledgement(offset: offset, times: run.begin...run.end)
  }
}
