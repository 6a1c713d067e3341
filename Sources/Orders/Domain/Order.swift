public import Eventually
public import EventuallyServer

/// The order aggregate: its rules, and how its events change it.
public struct Order: CodedAggregate, SnapshottedAggregate {
  /// How its events are stored.
  public static let codec = OrderEventCodec()
  /// How its states are stored. An order has about twenty events; those that have many more are loaded from snapshots.
  public static let stateCodec = OrderStateCodec()
  /// The id of an order, which is also the name of its stream.
  public typealias ID = String

  /// How far an order is.
  public enum Status: String, Sendable, Hashable {
    /// Lines may be added.
    case open
    /// Final: it counts.
    case completed
    /// Final: it does not count.
    case cancelled
  }

  /// What an order is after its events.
  public struct State: Sendable, Hashable {
    /// `nil` before the order exists.
    public var header: OrderHeader?
    /// How far it is.
    public var status: Status = .open
    /// Its lines, in the order in which they were added.
    public var lines: [OrderLine] = []
    /// The sum of its lines.
    public var total: Money = .zero
    /// The sum of its lines, each without its sign.
    public var turnover: Money = .zero
    /// Why it was cancelled, where it was.
    public var cancellation: String?

    /// Adds a line, or changes nothing where a sum is too large.
    mutating func add(_ line: OrderLine) throws(OrderError) {
      do {
        let lineTotal = try line.total
        let sum = try total.adding(lineTotal)
        turnover = try turnover.adding(lineTotal.magnitude)
        total = sum
      } catch {
        throw .amountTooLarge
      }
      lines.append(line)
    }
  }

  /// What an order can be asked to do.
  public enum Command: Sendable, Hashable {
    /// Place the order.
    case create(OrderHeader)
    /// Add a line.
    case addItem(OrderLine)
    /// Make it final.
    case complete
    /// Give it up, and say why.
    case cancel(reason: String = OrderEvent.unspecified)
  }

  /// An order has at most this many lines.
  public static let maximumLines = 10_000
  /// No line's total is beyond this, in either direction.
  public static let maximumLineTotal = Money(tenThousandths: 1_000_000_000_000)
  /// How many digits a unit price may have before its point; ``maximumLineTotal`` has one more.
  public static let unitPriceDigits = 8
  /// The totals of an order's lines, each without its sign, come to this at most.
  ///
  /// So it takes 4,000,000 orders, each as large as an order can be, before the sum over a country, a product or a
  /// customer is beyond ``Money/maximum``.
  public static let maximumTurnover = maximumLineTotal

  /// The aggregate.
  public init() {}

  /// An order that does not exist.
  public var initialState: State { State() }

  /// Changes an order by an event.
  public func apply(_ event: OrderEvent, to state: inout State) throws(OrderError) {
    switch event {
    case .created(let header):
      state.header = header
    case .itemAdded(let line):
      try state.add(line)
    case .completed:
      state.status = .completed
    case .cancelled(let reason):
      state.status = .cancelled
      state.cancellation = reason
    }
  }

  /// Decides on a command.
  public func handle(
    _ command: Command, id: String, state: State
  ) throws(OrderError) -> [OrderEvent] {
    if case .create(let header) = command {
      guard state.header == nil else { throw .alreadyExists(id) }
      try Self.check(id: id, header)
      return [.created(header)]
    }
    guard let header = state.header else { throw .unknown(id) }
    guard state.status == .open else { throw .notOpen(id, state.status) }
    switch command {
    case .create: return []
    case .addItem(let line):
      try Self.check(line, in: header.kind)
      guard state.lines.count < Self.maximumLines else { throw .tooManyLines(id) }
      let next: Money
      do { next = try state.turnover.adding(try line.total.magnitude) } catch {
        throw .amountTooLarge
      }
      guard next <= Self.maximumTurnover else { throw .amountTooLarge }
      return [.itemAdded(line)]
    case .complete:
      guard !state.lines.isEmpty else { throw .empty(id) }
      return [.completed]
    case .cancel(let reason):
      guard Self.isText(reason, upTo: 200) else {
        throw .invalid("reason", "1 to 200 bytes and no U+0000")
      }
      return [.cancelled(reason: reason)]
    }
  }

  private static func check(id: String, _ header: OrderHeader) throws(OrderError) {
    guard isValid(id: id) else { throw .invalidID(id) }
    guard isText(header.country, upTo: 100) else {
      throw .invalid("country", "1 to 100 bytes and no U+0000")
    }
    if let customer = header.customer, !isText(customer, upTo: 100) {
      throw .invalid("customer", "1 to 100 bytes and no U+0000, or be left out")
    }
  }

  private static func check(_ line: OrderLine, in kind: OrderKind) throws(OrderError) {
    guard isText(line.sku, upTo: 100) else { throw .invalid("sku", "1 to 100 bytes and no U+0000") }
    guard line.description.isEmpty || isText(line.description, upTo: 1000) else {
      throw .invalid("description", "at most 1,000 bytes and no U+0000")
    }
    switch kind {
    case .sale where line.quantity <= 0 || line.unitPrice < .zero:
      throw .invalid("quantity", "above 0 and a unitPrice that is not negative, in a sale")
    case .return where line.quantity >= 0 || line.unitPrice < .zero:
      throw .invalid("quantity", "below 0 and a unitPrice that is not negative, in a return")
    case .adjustment where line.quantity == 0:
      throw .invalid("quantity", "other than 0")
    default: break
    }
    guard line.isWithinLimit else { throw .amountTooLarge }
  }

  /// No database keeps U+0000 in a text: an event with it would be parked wherever it is projected.
  private static func isText(_ text: String, upTo limit: Int) -> Bool {
    (1...limit).contains(text.utf8.count) && !text.utf8.contains(0)
  }

  /// Whether an id can name an order: 1 to 64 letters, digits, dots, hyphens and underscores of ASCII.
  public static func isValid(id: String) -> Bool {
    (1...64).contains(id.utf8.count)
      && id.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
          UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }
}

/// Why an order refuses a command.
public enum OrderError: Error, Sendable, Hashable, CustomStringConvertible {
  /// There is no such order.
  case unknown(String)
  /// There is such an order already.
  case alreadyExists(String)
  /// The id can't name an order.
  case invalidID(String)
  /// The order is completed or cancelled.
  case notOpen(String, Order.Status)
  /// An order without lines can't be completed.
  case empty(String)
  /// The order has as many lines as it may.
  case tooManyLines(String)
  /// A part is not what it has to be.
  case invalid(String, String)
  /// A line's total, or the order's, is too large.
  case amountTooLarge

  /// The message.
  public var description: String {
    switch self {
    case .unknown(let id): "there is no order '\(id)': create it first"
    case .alreadyExists(let id): "there is an order '\(id)' already: take another id"
    case .invalidID(let id):
      "'\(id.prefix(80))' can't name an order: 1 to 64 letters, digits, dots, hyphens and "
        + "underscores can"
    case .notOpen(let id, let status):
      "the order '\(id)' is \(status.rawValue) and can't be changed any more"
    case .empty(let id): "the order '\(id)' has no items: add one before completing it"
    case .tooManyLines(let id):
      "the order '\(id)' has \(Order.maximumLines) items, and can't have more: begin another order"
    case .invalid(let name, let rule): "'\(name)' must have \(rule)"
    case .amountTooLarge:
      "the amount is too large: a line, and all lines of an order together, may come to "
        + "\(Order.maximumLineTotal) at most"
    }
  }
}
