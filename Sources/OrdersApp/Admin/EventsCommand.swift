import ArgumentParser
import Eventually
import EventuallySQLite
import Foundation

extension AdminCommand {
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
      guard json else { return Self.show(record) }
      var writer = JSONWriter()
      OrderJSON.write(record, &writer)
      print(String(decoding: writer.bytes, as: UTF8.self))
    }

    /// An event in a line for people.
    static func show(_ record: EventRecord) {
      let position = record.position
      print(
        "\(position.sequenceNumber)  \(record.time)  \(record.streamID) v\(position.version)  "
          + "[\(position.partition):\(position.partitionSequence)]  \(record.type)  "
          + String(decoding: record.payload, as: UTF8.self))
    }
  }
}
