/// Who may load something large now, and who waits, in order of arrival: the weights of those that are in come to the capacity at
/// most.
struct LoadQueue: Sendable {
  typealias Ticket = Int

  let capacity: Int
  private(set) var used = 0
  private(set) var waiting: [(ticket: Ticket, weight: Int)] = []
  private var tickets = 0

  init(capacity: Int) {
    self.capacity = capacity
  }

  /// What counts for a weight: what is larger than all there is takes all there is.
  func counted(_ weight: Int) -> Int { min(max(0, weight), capacity) }

  /// - Returns: a ticket for one who has to wait; `nil` for one who is in.
  mutating func enter(_ weight: Int) -> Ticket? {
    let weight = counted(weight)
    if waiting.isEmpty, weight <= capacity - used {
      used += weight
      return nil
    }
    tickets += 1
    waiting.append((tickets, weight))
    return tickets
  }

  /// - Returns: the tickets of those who are in now.
  mutating func leave(_ weight: Int) -> [Ticket] {
    used -= counted(weight)
    return admit()
  }

  /// One who waits does not wait any more.
  /// - Returns: whether it waited, and who is in now that it does not.
  mutating func giveUp(_ ticket: Ticket) -> (waited: Bool, admitted: [Ticket]) {
    guard let index = waiting.firstIndex(where: { $0.ticket == ticket }) else { return (false, []) }
    waiting.remove(at: index)
    return (true, admit())
  }

  private mutating func admit() -> [Ticket] {
    var admitted: [Ticket] = []
    while let next = waiting.first, next.weight <= capacity - used {
      waiting.removeFirst()
      used += next.weight
      admitted.append(next.ticket)
    }
    return admitted
  }
}
