import ArgumentParser
import Eventually
import EventuallySQLite
import Foundation
import Orders

extension AdminCommand {
  /// `eventuallyctl as-of`
  struct AsOf: CrashSupervised {
    static let configuration = CommandConfiguration(
      commandName: "as-of",
      abstract: "Answer a query as a read model stood at an earlier moment, or show an order then.",
      discussion: """
        eventuallyctl as-of sales --time 2011-01-05T12:00:00Z -- /sales/days?limit=3
        eventuallyctl as-of sales --sequence 5000 -- SELECT day, revenue FROM sales_by_day
        eventuallyctl as-of customers --sequence 5000
        eventuallyctl as-of order 536365 --time 2011-01-05

        A query is a path, answered as a projector answers it, or SQL on the read model's tables; without one, the top rows are \
        shown. The read model is built on the side, from the newest checkpoint before that moment and the store, and thrown \
        away afterwards; nothing that is live is touched. The time is what the writer's clock said at
        the append: of a clock that stepped, the last event with that time or an earlier one counts, and all
        events before it.
        """)

    @Argument(
      help: ArgumentHelp(
        "The read model, orders, sales or customers; or 'order'.", valueName: "what"))
    var target: String
    @Argument(help: "The order's id, after 'order'.")
    var id: String?
    @Option(
      help: "The sequence number of the last event that had happened; 0 for before the first.",
      transform: Whole.init)
    var sequence: PointInTime.Sequence?
    @Option(help: "The time, such as 2026-11-23T12:00:00Z; a day stands for its beginning.")
    var time: String?
    @Argument(
      parsing: .postTerminator,
      help: ArgumentHelp("A path of the projector's HTTP interface, or SQL.", valueName: "query"))
    var query: [String] = []
    @OptionGroup var log: LogOptions
    @OptionGroup var files: ProjectorCommand.ReadModelOptions

    private var moment: PointInTime? {
      if let sequence { return .sequence(UInt64(sequence.value)) }
      guard let time, let moment = PointInTime(time), case .time = moment else { return nil }
      return moment
    }

    func validate() throws {
      guard (sequence == nil) != (time == nil) else {
        throw ValidationError("name a moment, with --sequence or with --time")
      }
      guard moment != nil else {
        throw ValidationError("--time '\(time ?? "")' is not a time such as 2026-11-23T12:00:00Z")
      }
      guard target == "order" || ReadModelName(rawValue: target) != nil else {
        throw ValidationError("'\(target)' is not orders, sales, customers or order")
      }
      guard (target == "order") == (id != nil) else {
        throw ValidationError(
          target == "order"
            ? "name the order: eventuallyctl as-of order ID"
            : "'\(id ?? "")' is not expected: a query comes after --")
      }
    }

    func run() async throws {
      guard let moment else { return }
      let log = try log.open()
      let sequence = try await moment.sequenceNumber(in: log)
      guard let name = ReadModelName(rawValue: target) else {
        return try await showOrder(id ?? "", log, sequence)
      }
      try await TimeMachine(log: log, readModels: files.readModels).visit(
        name, sequenceNumber: sequence
      ) { readModels in
        try await answer(name, in: readModels, sequence)
      }
    }

    private func answer(
      _ name: ReadModelName, in readModels: String, _ sequence: UInt64
    ) async throws {
      let text = query.joined(separator: " ")
      if text.isEmpty {
        try Output.standard.line("\(name.rawValue) as of sequence number \(grouped(sequence))")
        try Output.standard.line()
        try await Show.show(name, in: readModels, limit: 5)
      } else if text.hasPrefix("/") {
        var api = API(title: "", summary: "")
        QueryRoutes(directory: readModels, names: [name]).add(to: &api)
        let (status, body) = try await api.answer(path: text)
        guard status == 200 else {
          throw Failure("\(text) is answered \(status): \(String(decoding: body, as: UTF8.self))")
        }
        try Output.standard.json(body)
      } else {
        try await Self.select(
          text,
          try ReadModelReader(
            path: name.path(in: readModels), model: name.model, readers: 1))
      }
    }

    private static func select(_ sql: String, _ reader: ReadModelReader) async throws {
      let table = try await reader.read { connection in
        let statement = try connection.statement(sql)
        defer { statement.reset() }
        var table = TextTable()
        table.header = (0..<statement.columnCount).map { statement.name($0) }
        while try statement.step() {
          try Task.checkCancellation()
          table.rows.append((0..<statement.columnCount).map { statement.text($0) })
        }
        return table
      }
      try Output.standard.table(table)
    }

    private func showOrder(_ id: String, _ log: SQLiteEventLog, _ sequence: UInt64) async throws {
      let records = try await log.records(ofStream: id).prefix {
        $0.position.sequenceNumber <= sequence
      }
      var history = OrderHistory(id: id)
      for record in records { _ = history.take(record) }
      if let failure = history.failure {
        throw Failure("\(failure); 'eventuallyctl history order' shows the others")
      }
      guard let last = records.last else {
        throw Failure("there was no order '\(id)' at sequence number \(grouped(sequence))")
      }
      var json = JSONWriter()
      OrderJSON.write(history.state, id: id, version: last.position.version, &json)
      try Output.standard.json(json.bytes)
    }
  }

  /// `eventuallyctl history`
  struct History: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show what has happened to an aggregate, and what each event changed.",
      discussion: "eventuallyctl history order 536365")

    @Argument(help: ArgumentHelp("The kind of aggregate: order.", valueName: "kind"))
    var kind: String
    @Argument(help: "Its id.")
    var id: String
    @OptionGroup var log: LogOptions

    func validate() throws {
      guard kind == "order" else {
        throw ValidationError("'\(kind)' is not a kind of aggregate here: 'order' is")
      }
    }

    func run() async throws {
      let records = try await log.open().records(ofStream: id)
      guard !records.isEmpty else {
        throw Failure("the store has no events of '\(id)': it never was, or it was erased")
      }
      var history = OrderHistory(id: id)
      for record in records {
        let changes = history.take(record)
        try Output.standard.line(
          "v\(record.position.version)  \(record.time)  sequence \(record.position.sequenceNumber)  \(record.type)"
        )
        for change in changes { try Output.standard.line("    \(change)") }
      }
    }
  }
}
