import Eventually

/// A part of a group that is one transaction: all appends, or a request of another kind.
struct StoreTransaction: Sendable {
  /// Which requests of the group.
  var requests: [Int]
  var kind: Kind
  /// How often it was begun anew.
  var repetitions = 0

  enum Kind: Sendable {
    case appends([AppendGroup.Request])
    case remove(String, ExpectedVersion)
    case snapshot(String, Snapshot)
    case published(UInt64, String?)
    case erased
    case probe
  }

  /// The transactions of a group's requests.
  static func all(of group: [(index: Int, kind: StoreRequest.Kind)]) -> [StoreTransaction] {
    var appends = StoreTransaction(requests: [], kind: .appends([]))
    var requests: [AppendGroup.Request] = []
    var others: [StoreTransaction] = []
    for (index, kind) in group {
      let other: Kind
      switch kind {
      case .append(let streamID, let expecting, let events, let key):
        appends.requests.append(index)
        requests.append(
          AppendGroup.Request(streamID: streamID, expecting: expecting, events: events, key: key))
        continue
      case .remove(let streamID, let expecting): other = .remove(streamID, expecting)
      case .snapshot(let streamID, let snapshot): other = .snapshot(streamID, snapshot)
      // What is erased, the database knows.
      case .erased: other = .erased
      case .published(let sequence): other = .published(sequence, nil)
      case .progress(let progress):
        other = .published(progress.through, NotedProgress(progress).column)
      case .probe: other = .probe
      }
      others.append(StoreTransaction(requests: [index], kind: other))
    }
    appends.kind = .appends(requests)
    return (requests.isEmpty ? [] : [appends]) + others
  }

  /// The transaction in two, where it can be divided.
  var halves: [StoreTransaction] {
    guard case .appends(let appends) = kind, appends.count > 1 else { return [] }
    let middle = appends.count / 2
    return [0..<middle, middle..<appends.count].map {
      StoreTransaction(
        requests: Array(requests[$0]), kind: .appends(Array(appends[$0])),
        repetitions: repetitions)
    }
  }

  /// What to do when the server has refused it.
  enum Reaction: Equatable {
    case again
    case halve
    case fail
  }

  static let mostRepetitions = 5

  func reaction(to error: PostgresError) -> Reaction {
    switch error.state {
    // Nothing is done, and the others that were in the way have ended.
    case .serializationFailure, .deadlock:
      repetitions < Self.mostRepetitions ? .again : .fail
    case .outOfMemory: halves.isEmpty ? .fail : .halve
    default: .fail
    }
  }
}

extension NotedProgress {
  /// As the column takes it, which has no U+0000; `nil` where the sequence number says all.
  var column: String? {
    isEmpty ? nil : json.replacing("\\u0000", with: "")
  }
}
