import ArgumentParser
import Eventually
import HTTPTypes
import EventuallySQLite
import Foundation
import EventuallyServer

extension AdminCommand {
  /// `admin as-of`
  struct AsOf: CrashSupervised {
    static let configuration = CommandConfiguration(
      commandName: "as-of",
      abstract:
        "Answer a query as a read model stood at an earlier moment, or show an entity then.",
      discussion: """
        \(Program.admin) as-of READ-MODEL --time 2026-01-05T12:00:00Z -- /PATH?limit=3
        \(Program.admin) as-of READ-MODEL --sequence 5000 -- SELECT ... FROM ...
        \(Program.admin) as-of READ-MODEL --sequence 5000
        \(Program.admin) as-of \(Program.anAggregate) ID --time 2026-01-05

        A query is a path, answered as a projector answers it, or SQL on the read model's tables; without one, the top rows are \
        shown. The read model is built on the side, from the newest savepoint before that moment and the store, and thrown \
        away afterwards; nothing that is live is touched. The time is what the writer's clock said at \
        the append: of a clock that stepped, the last event with that time or an earlier one counts, and all \
        events before it.
        """)

    @Argument(
      help: ArgumentHelp(
        "The read model, \(Program.readModels); or the aggregate, \(Program.aggregates).",
        valueName: "read model or aggregate"))
    var target: String
    @Argument(help: "The entity's id, after an aggregate.")
    var id: String?
    @Option(
      help: "The sequence number of the last event that had happened; 0 for before the first.",
      transform: Whole.init)
    var sequence: Whole<0, 4_611_686_018_427_387_904>?
    @Option(help: "The time, such as 2026-11-23T12:00:00Z; a day stands for its beginning.")
    var time: String?
    @Argument(
      parsing: .postTerminator,
      help: ArgumentHelp("A path of the projector's HTTP interface, or SQL.", valueName: "query"))
    var query: [String] = []
    @OptionGroup var files: DataOptions

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
      let readModel = ReadModelName(argument: target)
      let aggregate = AggregateName(argument: target)
      guard readModel != nil || aggregate != nil else {
        throw ValidationError(
          "'\(target)' is neither a read model (\(Program.readModels)) nor an aggregate (\(Program.aggregates))"
        )
      }
      if let id, aggregate == nil {
        throw ValidationError("'\(id)' is not expected: a query comes after --")
      }
      guard readModel != nil || id != nil else {
        throw ValidationError("name the entity: \(Program.admin) as-of \(target) ID")
      }
    }

    func run() async throws {
      guard let moment else { return }
      let log = try await files.openStore()
      let sequence = try await moment.sequenceNumber(in: log)
      if let id, let aggregate = AggregateName(argument: target) {
        return try await show(id, of: aggregate, log, sequence)
      }
      guard let name = ReadModelName(argument: target) else { return }
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
        try Output.standard.line("\(name.name) as of sequence number \(grouped(sequence))")
        try Output.standard.line()
        try await Show.show(
          name,
          try ReadModelReader(
            path: name.definition.path(in: readModels), model: name.anyModel, readers: 1), limit: 5)
      } else if text.hasPrefix("/") {
        var api = API(title: "", summary: "")
        try QueryRoutes(
          try Program.current(), in: .folder(readModels), readModels: [name.definition]
        )
        .add(to: &api)
        let answer = await api.answer(APIRequest(.get, text))
        let body = try await answer.wholeBody()
        guard answer.status == .ok else {
          let told = String(decoding: body, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
          throw Failure("\(text) is answered \(answer.status.code): \(told)")
        }
        try Output.standard.json(body)
      } else {
        try await Self.select(
          text,
          try ReadModelReader(
            path: name.definition.path(in: readModels), model: name.anyModel, readers: 1))
      }
    }

    private static func select(_ sql: String, _ reader: ReadModelReader) async throws {
      let table = try await reader.withConnection { connection in
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

    private func show(
      _ id: String, of aggregate: AggregateName, _ log: any StoreLog, _ sequence: UInt64
    ) async throws {
      let records = try await log.records(
        ofStream: aggregate.aggregate.category.streamName(of: id)
      ).prefix { $0.position.sequenceNumber <= sequence }
      var state = StateChanges(aggregate.aggregate)
      for record in records { state.apply(record) }
      if let failure = state.failure {
        throw Failure("\(failure); '\(Program.admin) history \(target)' shows the others")
      }
      guard let last = records.last else {
        throw Failure("there was no \(target) '\(id)' at sequence number \(grouped(sequence))")
      }
      var json = JSONWriter()
      json.beginObject()
      json.member("id", id)
      json.member("version", last.position.version)
      json.key("state")
      json.raw(try state.json())
      json.endObject()
      try Output.standard.json(json.bytes)
    }
  }
}
