import EventuallyServer
import ArgumentParser
import Eventually
import Foundation

extension AdminCommand {
  /// `admin events`
  struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a stream's events, or a range of the store's.",
      discussion: "Without --stream, events in order of sequence number.")

    @OptionGroup var files: DataOptions
    @Option(
      help: ArgumentHelp(
        "Only the events of this stream, such as \(Program.aStream).", valueName: "stream"))
    var stream: String?
    @Option(help: "The first sequence number, of a stream's events too.", transform: Whole.init)
    var from: SequenceNumber = 1
    @Option(help: "At most this many events; 0 for all.", transform: Whole.init)
    var limit: Whole<0, 1_000_000_000> = 100
    @Flag(help: "One JSON object a line.")
    var json = false

    func run() async throws {
      let log = try await files.openStore()
      if let stream {
        let records = try await log.records(ofStream: stream)
        guard !records.isEmpty else { throw try await unknown(stream, log) }
        let chosen = records.lazy.filter { $0.position.sequenceNumber >= from.value }
        for record in chosen.prefix(count) { try show(record) }
        return
      }
      var after = UInt64(from.value - 1)
      var left = count
      while left > 0 {
        try Task.checkCancellation()
        let records = try await log.records(after: after, limit: min(left, 1000))
        guard let last = records.last else { return }
        for record in records { try show(record) }
        left -= records.count
        after = last.position.sequenceNumber
      }
    }

    /// What to say of a stream that has no events.
    private func unknown(_ stream: String, _ log: any StoreLog) async throws -> Failure {
      var meant: [String] = []
      for name in Program.streams(ofID: stream)
      where try await !log.records(ofStream: name).isEmpty {
        meant.append(name)
      }
      return Failure("the store has no events of '\(stream)'" + Program.hint(meant))
    }

    private var count: Int { limit.value == 0 ? .max : limit.value }

    private func show(_ record: EventRecord) throws {
      guard json else { return try Self.show(record) }
      var writer = JSONWriter()
      RecordJSON.write(record, &writer)
      try Output.standard.json(writer.bytes)
    }

    /// Shows an event in a line.
    static func show(_ record: EventRecord) throws {
      let position = record.position
      try Output.standard.line(
        "\(position.sequenceNumber)  \(record.time)  \(record.streamID) v\(position.version)  "
          + "[\(position.partition):\(position.partitionOffset)]  \(record.type)  "
          + String(decoding: record.payload, as: UTF8.self))
    }
  }
}
