/// The records of a partition that are with a producer, in order. Acknowledgements mostly come in that order too.
struct InFlightRecords: Equatable {
  private struct Entry: Equatable {
    var sequence: UInt64
    var offset: UInt64
    var isAcknowledged = false
  }

  private var entries: [Entry] = []
  /// How many of them, from the front, are acknowledged and count no more.
  private var done = 0

  var isEmpty: Bool { done == entries.count }

  /// The sequence number of the first that is not acknowledged.
  var first: UInt64? { isEmpty ? nil : entries[done].sequence }

  /// The sequence number of the last, acknowledged or not; `nil` where all are acknowledged.
  var last: UInt64? { isEmpty ? nil : entries.last?.sequence }

  /// Adds a record, whose numbers are larger than those of all before it.
  mutating func append(sequence: UInt64, offset: UInt64) {
    entries.append(Entry(sequence: sequence, offset: offset))
  }

  /// Notes an acknowledgement.
  /// - Returns: the record's partition offset; `nil` where it is not in flight.
  mutating func acknowledge(_ sequence: UInt64) -> UInt64? {
    guard let index = index(of: sequence), !entries[index].isAcknowledged else { return nil }
    let offset = entries[index].offset
    guard index == done else {
      entries[index].isAcknowledged = true
      return offset
    }
    done += 1
    while done < entries.count, entries[done].isAcknowledged { done += 1 }
    if done == entries.count {
      removeAll()
    } else if done > 1024, done * 2 > entries.count {
      entries.removeFirst(done)
      done = 0
    }
    return offset
  }

  mutating func removeAll() {
    entries.removeAll(keepingCapacity: true)
    done = 0
  }

  private func index(of sequence: UInt64) -> Int? {
    guard !isEmpty, sequence >= entries[done].sequence else { return nil }
    if sequence == entries[done].sequence { return done }
    var (low, high) = (done, entries.count - 1)
    while low < high {
      let middle = low + (high - low) / 2
      if entries[middle].sequence < sequence { low = middle + 1 } else { high = middle }
    }
    return entries[low].sequence == sequence ? low : nil
  }
}
