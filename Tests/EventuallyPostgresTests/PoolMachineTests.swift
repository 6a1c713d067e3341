import Eventually
import Testing

@testable import EventuallyPostgres

struct PoolMachineTests {
  private typealias Machine = PoolMachine<Int>
  private let error = PostgresError(.unreachable, "no", operation: "connect")

  @Test func theOneUsedLastIsGivenFirst() {
    var machine = Machine(size: 2)
    #expect(machine.want(1) == [.connect(1)])
    #expect(machine.want(2) == [.connect(2)])
    #expect(machine.want(3) == [])
    #expect(machine.connected(1, now: 0) == [.give(1, to: 1)])
    #expect(machine.connected(2, now: 0) == [.give(2, to: 2)])
    #expect(machine.giveBack(1, now: 5) == [.give(1, to: 3)])
    #expect(machine.giveBack(2, now: 6) == [])
    #expect(machine.giveBack(1, now: 7) == [])
    #expect(machine.want(4) == [.give(1, to: 4)])
    #expect(machine.expire(before: 7) == [.close(2)])
    #expect(machine.count == 1)
  }

  @Test func failuresPauseAndTryOneAtATime() {
    var machine = Machine(size: 4)
    #expect(machine.want(1) == [.connect(1)])
    #expect(machine.want(2) == [.connect(2)])
    #expect(machine.failedToConnect(1, error) == [.pause(attempt: 1)])
    #expect(machine.failedToConnect(2, error) == [])
    #expect(machine.want(3) == [])
    #expect(machine.leave(2, .timedOut) == [.refuse(2, .timedOut(error))])
    #expect(machine.leave(2, .timedOut) == [])
    #expect(machine.pauseIsOver() == [.connect(3)])
    #expect(machine.failedToConnect(3, error) == [.pause(attempt: 2)])
    #expect(machine.pauseIsOver() == [.connect(4)])
    #expect(machine.connected(4, now: 0) == [.give(4, to: 1), .connect(5)])
    #expect(machine.leave(3, .cancelled) == [.refuse(3, .cancelled)])
    #expect(machine.failure == nil)
  }

  /// A wrong password is told at once where nothing has worked yet; later somebody may be just changing it.
  @Test func whatLastsIsToldAtOnce() {
    let lasting = PostgresError.lasting("wrong")
    var machine = Machine(size: 2)
    #expect(machine.want(1) == [.connect(1)])
    #expect(machine.want(2) == [.connect(2)])
    #expect(
      machine.failedToConnect(1, lasting)
        == [.refuse(1, .lasting(lasting)), .refuse(2, .lasting(lasting)), .pause(attempt: 1)])
    #expect(machine.want(3) == [])
    #expect(machine.failedToConnect(2, lasting) == [.refuse(3, .lasting(lasting))])
    #expect(machine.pauseIsOver() == [])
    #expect(machine.want(4) == [.connect(3)])
    #expect(machine.connected(3, now: 0) == [.give(3, to: 4)])
    #expect(machine.lost(3) == [])
    #expect(machine.want(5) == [.connect(4)])
    #expect(machine.failedToConnect(4, lasting) == [.pause(attempt: 1)])
    #expect(machine.pauseIsOver() == [.connect(5)])
    #expect(machine.connected(5, now: 0) == [.give(5, to: 5)])
  }

  @Test func aLostConnectionIsMadeAnew() {
    var machine = Machine(size: 1)
    _ = machine.want(1)
    _ = machine.connected(1, now: 0)
    #expect(machine.want(2) == [])
    #expect(machine.lost(1) == [.connect(2)])
    #expect(machine.close() == [.refuse(2, .closed)])
    #expect(machine.connected(2, now: 0) == [.close(2)])
    #expect(machine.want(3) == [.refuse(3, .closed)])
  }

  /// Whatever comes in whatever order: never more connections than there may be, none lent twice, each caller answered once.
  @Test(arguments: 0..<200 as Range<UInt64>)
  func noConnectionIsLentTwice(_ seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var machine = Machine(size: 3)
    var (wanted, answered) = (Set<Int>(), Set<Int>())
    var (connecting, lent, idle) = (Set<Int>(), Set<Int>(), Set<Int>())
    var isPausing = false
    for step in 0..<400 {
      let actions: [Machine.Action]
      switch Int.random(in: 0..<8, using: &random) {
      case 0, 1:
        wanted.insert(step)
        actions = machine.want(step)
      case 2:
        actions = machine.leave(
          wanted.subtracting(answered).min() ?? -1,
          Bool.random(using: &random) ? .timedOut : .cancelled)
      case 3:
        guard let id = connecting.randomElement(using: &random) else { continue }
        connecting.remove(id)
        idle.insert(id)
        actions = machine.connected(id, now: step)
      case 4:
        guard let id = connecting.randomElement(using: &random) else { continue }
        connecting.remove(id)
        actions = machine.failedToConnect(id, Bool.random(using: &random) ? error : .lasting("no"))
      case 5:
        guard let id = lent.randomElement(using: &random) else { continue }
        lent.remove(id)
        idle.insert(id)
        actions = machine.giveBack(id, now: step)
      case 6:
        guard let id = lent.union(idle).randomElement(using: &random) else { continue }
        lent.remove(id)
        idle.remove(id)
        actions = machine.lost(id)
      default:
        if isPausing {
          isPausing = false
          actions = machine.pauseIsOver()
        } else {
          actions = machine.expire(before: step - 20)
        }
      }
      for action in actions {
        switch action {
        case .connect(let id): connecting.insert(id)
        case .give(let id, let caller):
          #expect(idle.remove(id) != nil, "seed \(seed), step \(step): \(id) is not idle")
          lent.insert(id)
          #expect(answered.insert(caller).inserted, "seed \(seed), step \(step)")
        case .refuse(let caller, _):
          #expect(answered.insert(caller).inserted, "seed \(seed), step \(step)")
        case .close(let id): #expect(idle.remove(id) != nil, "seed \(seed), step \(step)")
        case .pause: isPausing = true
        }
      }
      #expect(connecting.count + lent.count + idle.count <= 3, "seed \(seed), step \(step)")
      #expect(
        idle.isEmpty || machine.waitingCount == 0,
        "seed \(seed), step \(step): one waits for nothing")
    }
  }
}
