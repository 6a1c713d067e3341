public import ArgumentParser
import Eventually
import EventuallySQLite
import Foundation
import Orders

/// The command `eventuallyctl`.
public struct AdminCommand: AsyncParsableCommand {
  /// How it is called, and what its help says.
  public static let configuration = CommandConfiguration(
    commandName: "eventuallyctl",
    abstract: "Looks at a store and its read models: where they stand, and whether they are right.",
    discussion: "It reads the files themselves, beside the processes that work on them.",
    subcommands: [Status.self, Events.self, Verify.self])

  /// The command.
  public init() {}

  /// Where the store is, which must exist.
  struct LogOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The event store's file.", valueName: "file"))
    var store = "data/store.sqlite"

    func open() throws -> SQLiteEventLog {
      guard FileManager.default.fileExists(atPath: store) else {
        throw Failure("there is no store \(store): name it with --store")
      }
      return try SQLiteEventLog(path: store)
    }
  }

  /// `eventuallyctl status`
  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show the store's head, what is published, and how far each read model is.",
      discussion: """
        For each read model and partition: the position that was applied last, how many events it lags behind \
        the store, the epoch, and the worker that took the partition last.
        """)

    @OptionGroup var log: LogOptions
    @OptionGroup var files: ProjectorCommand.ReadModelOptions

    func run() async throws {
      let log = try log.open()
      let heads = try await log.heads()
      print("store       \(log.path)")
      print("id          \(log.storeID)")
      print("streams     \(grouped(try await log.streamCount()))")
      print("head        \(grouped(try await log.head()))")
      print("published   \(grouped(try await log.published()))")
      for name in ReadModelName.allCases {
        print("")
        let path = name.path(in: files.readModels)
        guard FileManager.default.fileExists(atPath: path) else {
          print("read model \(name.rawValue): not built yet (\(path))")
          continue
        }
        try await show(name, path: path, heads: heads, storeID: log.storeID)
      }
    }

    private func show(
      _ name: ReadModelName, path: String, heads: [UInt64], storeID: String
    ) async throws {
      let reader = try ReadModelReader(path: path, model: name.model, readers: 1)
      guard reader.storeID == storeID else {
        throw ReadModelError.otherStore(path: path, found: reader.storeID, expected: storeID)
      }
      let checkpoints = Dictionary(
        uniqueKeysWithValues: try await reader.checkpoints().map { ($0.partition, $0) })
      var table = TextTable("partition", "head", "position", "lag", "epoch", "owner", "updated")
      var lag: UInt64 = 0
      for (partition, head) in heads.enumerated() {
        let checkpoint = checkpoints[Partition(partition)]
        let position = checkpoint?.position ?? 0
        lag += head - min(head, position)
        table.add(
          "\(partition)", "\(head)", checkpoint?.position.map { "\($0)" } ?? "never",
          "\(head - min(head, position))", checkpoint.map { "\($0.epoch)" } ?? "-",
          checkpoint?.owner ?? "-", checkpoint?.updated.description ?? "-")
      }
      print("read model \(name.rawValue): lag \(grouped(lag))")
      print(table.text)
    }
  }

  /// `eventuallyctl events`
  struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a stream's events, or a range of the store's.",
      discussion: "Without --stream, events in order of sequence number.")

    @OptionGroup var log: LogOptions
    @Option(help: ArgumentHelp("Only this stream's events: an order's id.", valueName: "id"))
    var stream: String?
    @Option(help: "The first sequence number.")
    var from: UInt64 = 1
    @Option(help: "At most this many events; 0 for all.")
    var limit = 100
    @Flag(help: "One JSON object a line.")
    var json = false

    func run() async throws {
      let log = try log.open()
      if let stream {
        let records = try await log.records(ofStream: stream)
        guard !records.isEmpty else { throw Failure("the store has no events of '\(stream)'") }
        for record in records.prefix(limit == 0 ? records.count : limit) { show(record) }
        return
      }
      var after = max(from, 1) - 1
      var left = limit == 0 ? Int.max : limit
      while left > 0 {
        let records = try await log.records(after: after, limit: min(left, 1000))
        guard let last = records.last else { return }
        for record in records { show(record) }
        left -= records.count
        after = last.position.sequenceNumber
      }
    }

    private func show(_ record: EventRecord) {
      if json {
        var writer = JSONWriter()
        OrderJSON.write(record, &writer)
        print(String(decoding: writer.bytes, as: UTF8.self))
        return
      }
      let position = record.position
      print(
        "\(position.sequenceNumber)  \(record.time)  \(record.streamID) v\(position.version)  "
          + "[\(position.partition):\(position.partitionSequence)]  \(record.type)  "
          + String(decoding: record.payload, as: UTF8.self))
    }
  }

  /// `eventuallyctl verify`
  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Fold the store's events from zero and compare every read model row by row.",
      discussion: """
        Each read model is compared at the position that it has reached; how many events it lags behind is \
        shown. The exit code is 1 where a row differs, or where --caught-up is given and a read model lags \
        behind. The digest is SHA-256 over all rows: equal digests are equal read models.
        """)

    @OptionGroup var log: LogOptions
    @OptionGroup var files: ProjectorCommand.ReadModelOptions
    @Argument(help: "The read models: orders, sales, customers. All that exist by default.")
    var names: [ReadModelName] = []
    @Flag(help: "Fail where a read model has not applied all of the store's events.")
    var caughtUp = false

    func run() async throws {
      let log = try log.open()
      let wanted = names.isEmpty ? ReadModelName.allCases.filter(exists) : names
      guard !wanted.isEmpty else {
        throw Failure("there are no read models in \(files.readModels): name it with --read-models")
      }
      var isRight = true
      for name in wanted {
        guard exists(name) else {
          throw Failure("there is no read model \(name.path(in: files.readModels))")
        }
        var progress = ProgressLine()
        let outcome = try await Verification(
          name: name, log: log, readModels: files.readModels
        ).run { progress.show("verifying \(name.rawValue)", fraction: $0) }
        progress.finish()
        show(name, outcome)
        if outcome.differenceCount > 0 || (caughtUp && outcome.lag > 0) { isRight = false }
      }
      if !isRight { throw ExitCode(1) }
    }

    private func exists(_ name: ReadModelName) -> Bool {
      FileManager.default.fileExists(atPath: name.path(in: files.readModels))
    }

    private func show(_ name: ReadModelName, _ outcome: Verification.Outcome) {
      let verdict =
        outcome.differenceCount == 0
        ? "equal to the fold of \(grouped(outcome.events)) events"
        : "DIFFERS in \(grouped(outcome.differenceCount)) rows"
      print(
        "\(name.rawValue): \(verdict), \(grouped(outcome.rows)) rows, lag \(grouped(outcome.lag)), "
          + "digest \(outcome.digest)")
      for difference in outcome.differences {
        let key = Verification.text(difference.table, difference.key).dropLast()
        func columns(_ values: [ColumnValue]?) -> String {
          values.map { String(Verification.text(difference.table, $0).dropLast()) } ?? "no row"
        }
        print(
          "  \(key): expected \(columns(difference.expected)), "
            + "found \(columns(difference.found))")
      }
    }
  }
}
