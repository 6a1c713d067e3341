import ArgumentParser
import Eventually
import Foundation
import EventuallyServer

extension AdminCommand {
  /// `admin parked`
  struct Parked: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Look at events that a read model could not apply, and try them again or give them up.",
      discussion: """
        An event that a read model's code fails on again and again is parked, together with the later events of \
        the same stream; other streams go on. Once the code is fixed, retry applies what was parked, and the read \
        model is what it would have been. Workers may go on meanwhile.
        """,
      subcommands: [List.self, Show.self, Retry.self, Drop.self, Add.self])

    /// One read model.
    struct ReadModelArgument: ParsableArguments {
      @Argument(help: "The read model: \(Program.readModels).")
      var readModel: ReadModelName
      @OptionGroup var files: DataOptions

      func reader() async throws -> any ReadModelSource { try await files.reader(readModel) }

      /// Calls `body` with the read model's database.
      func withDatabase<Result>(
        _ body: (any GenerationStore) async throws -> Result
      ) async throws -> Result {
        let reader = try await reader()
        let catalog = readModel.catalog(in: files.readModels)
        guard let live = try await catalog.liveGeneration() else {
          throw Failure(files.notBuilt(readModel))
        }
        func open(_ definition: some ReadModelDefinition) async throws -> any GenerationStore {
          try await catalog.openGeneration(
            live, model: definition.model, codec: definition.codec, storeID: reader.storeID,
            partitionCount: reader.partitionCount)
        }
        return try await body(try await open(readModel.definition))
      }
    }

    /// Which streams, and whether anything is changed.
    struct StreamArguments: ParsableArguments {
      @Argument(help: "The streams' names, such as \(Program.aStream).")
      var streams: [String] = []
      @Flag(help: "All that are parked.")
      var all = false
      @Option(
        help: ArgumentHelp(
          "All that are parked for this reason, as 'parked show' tells it.", valueName: "text"))
      var reason: String?
      @Flag(help: "Change nothing, and tell what would be changed.")
      var dryRun = false

      func validate() throws {
        guard [all, !streams.isEmpty, reason != nil].count(where: { $0 }) == 1 else {
          throw ValidationError(
            "name streams, those with a --reason, or all of them with --all")
        }
      }

      func names(_ reader: any ReadModelSource) async throws -> [String] {
        let parked = try await reader.parkedStreams()
        if all { return parked.map(\.streamID) }
        guard let reason else {
          let names = parked.map(\.streamID)
          return try streams.map { try Parked.name($0, among: names) }
        }
        let found = parked.filter { $0.reason.hasSameBytes(as: reason) }
        guard !found.isEmpty else { throw Failure("no stream is parked for that reason") }
        return found.map(\.streamID)
      }
    }

    /// The name of a parked stream, by itself.
    /// - Throws: ``Failure`` where no such stream is parked, with those that may be meant.
    static func name(_ name: String, among parked: [String]) throws -> String {
      func isParked(_ name: String) -> Bool { parked.contains { $0.hasSameBytes(as: name) } }
      guard !isParked(name) else { return name }
      let meant = Program.streams(ofID: name).filter(isParked)
      throw Failure("the stream '\(name)' is not parked" + Program.hint(meant))
    }

    /// `admin parked list`
    struct List: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "List the parked streams of read models.")
      @OptionGroup var targets: AdminCommand.ReadModelArguments

      func run() async throws {
        var table = TextTable(
          "read model", "stream", "events", "partition", "from", "since", "reason")
        for name in try await targets.existing() {
          for stream in try await targets.files.reader(name).parkedStreams() {
            table.add(
              name.name, stream.streamID, grouped(stream.events), "\(stream.partition)",
              "\(stream.firstPosition)", stream.since.description,
              String(stream.reason.prefix(80)))
          }
        }
        if table.rows.isEmpty { return try Output.standard.line("nothing is parked") }
        try Output.standard.table(table)
      }
    }

    /// `admin parked show`
    struct Show: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Show the events of a parked stream.")
      @OptionGroup var target: ReadModelArgument
      @Argument(help: "The stream's name, such as \(Program.aStream).")
      var stream: String

      func run() async throws {
        let reader = try await target.reader()
        let streams = try await reader.parkedStreams()
        let stream = try Parked.name(stream, among: streams.map(\.streamID))
        guard let parked = streams.first(where: { $0.streamID.hasSameBytes(as: stream) }) else {
          throw ReadModelError.notParked(streamID: stream)
        }
        try Output.standard.line("parked since \(parked.since): \(parked.reason)")
        for record in try await reader.parkedEvents(of: stream) { try Events.show(record) }
      }
    }

    /// `admin parked retry`
    struct Retry: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Apply the events of parked streams, each stream whole or not at all.",
        discussion: "The exit code is 1 where a stream's events fail again; it stays parked then.")
      @OptionGroup var target: ReadModelArgument
      @OptionGroup var which: StreamArguments

      func run() async throws {
        let reader = try await target.reader()
        let names = try await which.names(reader)
        let catalog = target.readModel.catalog(in: target.files.readModels)
        let live = try await catalog.liveGeneration()
        let failed = try await target.withDatabase { database in
          var failed = 0
          for name in names {
            if let live, !which.dryRun {
              await catalog.noteRetry(of: name, in: reader, to: live)
            }
            let isApplied =
              which.dryRun
              ? try await Self.trial(name, in: database) : try await Self.retry(name, in: database)
            if !isApplied { failed += 1 }
          }
          return failed
        }
        if failed > 0 { throw ExitCode(1) }
      }

      private static func retry(
        _ name: String, in database: any GenerationStore
      ) async throws -> Bool {
        do {
          let count = try await database.retryParked(name)
          try Output.standard.line("\(name): \(grouped(count)) events applied")
          return true
        } catch let error as ProjectionFailures {
          try Output.standard.line("\(name): stays parked: \(error)")
          return false
        }
      }

      /// More events of one stream are not tried.
      private static let trialLimit = 1_000

      private static func trial(
        _ name: String, in database: any GenerationStore
      ) async throws -> Bool {
        let trial = try await database.tryParked(name, limit: trialLimit)
        if let failure = trial.failure {
          try Output.standard.line("\(name): would stay parked: \(ProjectionFailures([failure]))")
          return false
        }
        let part =
          trial.tried < trial.events
          ? ", of which the first \(grouped(trial.tried)) were tried" : ""
        try Output.standard.line(
          "\(name): \(grouped(trial.events)) events would be applied\(part); rows written: \(grouped(trial.changes.count))"
        )
        for change in trial.changes { try Output.standard.line("  \(text(change))") }
        return true
      }

      private static func text(_ change: RowChange) -> String {
        func columns(_ values: [ColumnValue]?) -> String {
          guard let values else { return "no row" }
          return String(ReadModelDigest.text(change.table.name, values).dropLast())
        }
        return "\(ReadModelDigest.text(change.table.name, change.key).dropLast()): "
          + "before \(columns(change.before)), after \(columns(change.after))"
      }
    }

    /// `admin parked drop`
    struct Drop: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Give up the events of parked streams for good.",
        discussion: """
          The read model goes on without them, with the streams' later events; it can only have them again by being \
          rebuilt. What was dropped stays on record, and verify leaves it out and counts it.
          """)
      @OptionGroup var target: ReadModelArgument
      @OptionGroup var which: StreamArguments

      func run() async throws {
        let reader = try await target.reader()
        let names = try await which.names(reader)
        if which.dryRun {
          for stream in try await reader.parkedStreams()
          where names.contains(where: { $0.hasSameBytes(as: stream.streamID) }) {
            try Output.standard.line(
              "\(stream.streamID): \(grouped(stream.events)) events would be dropped")
          }
          return
        }
        try await target.withDatabase { database in
          for name in names {
            try Output.standard.line(
              "\(name): \(grouped(try await database.dropParked(name))) events dropped")
          }
        }
      }
    }
  }

  /// `admin rejected`
  struct Rejected: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List records of the topic that the workers of read models did not apply.",
      discussion: """
        Records of another store, records that can't be read, and records that claim a place which is not theirs. The \
        newest 10,000 of each partition are kept, with the first 1,024 bytes of each.
        """)
    @OptionGroup var targets: ReadModelArguments
    @Option(help: "At most this many of each read model, the newest first.", transform: Whole.init)
    var limit: Whole<1, 1_000_000> = 20

    func run() async throws {
      var table = TextTable("read model", "partition", "offset", "bytes", "key", "reason")
      for name in try await targets.existing() {
        for record in try await targets.files.reader(name).rejectedRecords(limit: limit.value) {
          table.add(
            name.name, "\(record.partition)", "\(record.offset)", "\(record.size)",
            String(decoding: record.key.prefix(40), as: UTF8.self), record.reason)
        }
      }
      if table.rows.isEmpty { return try Output.standard.line("there are none") }
      try Output.standard.table(table)
    }
  }
}

extension ParkedStream {
  /// The stream, where it is parked from, and why.
  var summary: String {
    "the stream '\(streamID)' from partition \(partition), partition offset \(firstPosition) on: \(reason)"
  }
}
