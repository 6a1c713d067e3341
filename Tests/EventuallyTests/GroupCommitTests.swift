import Testing

@testable import Eventually

@Suite struct GroupCommitTests {
  @Test func theFirstRequestStartsAndTheOthersWait() {
    var group = GroupCommit<Int>(limit: 10)
    #expect(group.submit(1, weight: 1) == .startCommitting)
    #expect(group.submit(2, weight: 1) == .wait)
    #expect(group.next() == [1, 2])
    #expect(group.submit(3, weight: 1) == .wait)
    #expect(group.next() == [3])
    #expect(group.next() == [])
    #expect(group.submit(4, weight: 1) == .startCommitting)
  }

  @Test func aTransactionTakesWhatItsLimitAllowsAndAtLeastOneRequest() {
    var group = GroupCommit<Int>(limit: 10)
    for (request, weight) in [(1, 4), (2, 6), (3, 1), (4, 99), (5, 1)] {
      _ = group.submit(request, weight: weight)
    }
    #expect(group.next() == [1, 2])
    #expect(group.next() == [3])
    #expect(group.next() == [4])
    #expect(group.next() == [5])
    #expect(group.next() == [])
  }

  @Test func whatWaitsHasALimit() {
    var group = GroupCommit<Int>(limit: 10, capacity: 10)
    // One that is larger than the limit by itself is taken where nothing waits.
    #expect(group.submit(1, weight: 12) == .startCommitting)
    #expect(group.submit(2, weight: 1) == .refuse)
    #expect(group.submit(3, weight: 0) == .wait)
    #expect(group.next() == [1])
    #expect(group.submit(4, weight: 10) == .wait)
    #expect(group.submit(5, weight: 1) == .refuse)
    #expect(group.next() == [3, 4])
    #expect(group.submit(6, weight: 1) == .wait)
    #expect(group.next() == [6])
    #expect(group.next() == [])
  }

  /// Every way to interleave submissions and transactions: nothing lost, nothing twice, nothing out of
  /// order, and whoever is told to start is the only one who commits.
  @Test func everyInterleavingKeepsEveryRequestInOrder() {
    let steps = 12
    for choices in 0..<(1 << steps) {
      var group = GroupCommit<Int>(limit: 3)
      var submitted: [Int] = []
      var committed: [Int] = []
      var isRunning = false
      for step in 0..<steps {
        if choices & (1 << step) != 0 || !isRunning {
          let action = group.submit(step, weight: 1 + step % 3)
          submitted.append(step)
          #expect((action == .startCommitting) == !isRunning)
          isRunning = true
        } else {
          let batch = group.next()
          committed += batch
          isRunning = !batch.isEmpty
        }
      }
      while isRunning {
        let batch = group.next()
        committed += batch
        isRunning = !batch.isEmpty
      }
      #expect(committed == submitted)
      #expect(group.count == 0)
    }
  }

  @Test func aLongQueueIsKeptInOrder() {
    var group = GroupCommit<Int>(limit: 7)
    var committed: [Int] = []
    for request in 0..<10_000 {
      _ = group.submit(request, weight: 1)
      if request % 3 == 0 { committed += group.next() }
    }
    while true {
      let batch = group.next()
      if batch.isEmpty { break }
      committed += batch
    }
    #expect(committed == Array(0..<10_000))
  }
}
