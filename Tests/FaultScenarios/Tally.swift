import Eventually

/// Counts what was done to the processes, what they did about it, and what was checked.
package final class Tally: Sendable {
  /// What is counted, in the order in which it is shown.
  package enum Count: String, CaseIterable, Sendable {
    case writersKilled = "writers killed"
    case workersKilled = "workers killed"
    case brokersKilled = "brokers killed, with their data"
    case workersStopped = "workers stopped and continued"
    case workersAdded = "workers added"
    case workersRemoved = "workers removed in order"
    case topicsDeleted = "topics deleted, with their records"
    case brokerOutages = "broker outages"
    case leadersMoved = "leaders moved"
    case errorsInjected = "errors injected"
    case acknowledgementsLost = "connections cut with acknowledgements on their way"
    case hostileRequests = "hostile requests"
    case hostileRefused = "of which refused"
    case recordsForged = "rejected records written"
    case networkCuts = "hosts cut off from broker or PostgreSQL"
    case serversKilled = "PostgreSQL servers killed and started again"
    case sessionsEnded = "sessions of PostgreSQL ended"
    case relaysTakenOver = "take-overs by another writer"
    case slowestTakeOver = "slowest take-over, in milliseconds"
    case connectionsDenied = "times that PostgreSQL denied all connections"
    case databasesReadOnly = "times that PostgreSQL took no changes"
    case importsKilled = "imports killed"
    case disksFilled = "disks filled"
    case filesDamaged = "files damaged or deleted"
    case clockSteps = "clock steps backwards"
    case zombiesFenced = "zombies fenced"
    case rebalances = "rebalances"
    case gapsRepaired = "gaps repaired"
    case eventsFromFeed = "events taken from the feed"
    case duplicatesDropped = "duplicates dropped"
    case rejectedRecords = "rejected records kept"
    case eventsParked = "events parked"
    case eventsRestored = "parked events restored"
    case requestsReplayed = "requests repeated that had had their effect"
    case appendsAcknowledged = "appends acknowledged"
    case eventsInStore = "events in the stores"
    case rowsVerified = "read models verified row by row"
    case readinessChecked = "answers on readiness checked"
    case eventsLost = "events lost"
    case eventsTwice = "events applied twice"
  }

  private let counts = Locked<[Count: Int]>([:])

  package init() {}

  package func add(_ count: Count, _ number: Int = 1) {
    counts.withLock { $0[count, default: 0] += number }
  }

  /// Keeps the largest number.
  package func note(_ count: Count, largest number: Int) {
    counts.withLock { $0[count] = max($0[count] ?? 0, number) }
  }

  package subscript(count: Count) -> Int {
    counts.withLock { $0[count] ?? 0 }
  }

  /// How many processes were killed in all.
  package var processesKilled: Int {
    self[.writersKilled] + self[.workersKilled] + self[.brokersKilled] + self[.importsKilled]
  }
}
