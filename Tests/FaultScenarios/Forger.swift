package import Eventually
import Foundation

/// Writes records to the topic that the writer has not written.
package final class Forger {
  private let pipeline: Pipeline
  /// The store that the records say they are of.
  package let store: String
  package private(set) var count = 0

  package init(_ pipeline: Pipeline, store: String) {
    self.pipeline = pipeline
    self.store = store
  }

  package func produce(
    _ partition: Int32, key: String, value: String, headers: [String]
  ) async throws {
    count += 1
    let file = pipeline.file("forged-\(count)")
    try Data(value.utf8).write(to: URL(filePath: file))
    let kcat = try await pipeline.startTool(
      "kcat",
      pipeline.kcatArguments + ["-P", "-p", "\(partition)", "-k", key]
        + headers.flatMap { ["-H", $0] } + [file])
    guard try await kcat.exitCode() == 0 else { throw NotAsExpected(kcat.log) }
  }

  /// Writes an event of the store, or what is made to look like one.
  package func copy(_ record: EventRecord, to partition: Int32) async throws {
    let position = record.position
    try await produce(
      partition, key: record.streamID, value: String(decoding: record.payload, as: UTF8.self),
      headers: [
        "ce_specversion=1.0", "ce_id=\(record.id)", "ce_source=\(store)", "ce_type=\(record.type)",
        "ce_time=\(record.time)", "content-type=application/json",
        "ce_position=\(position.partitionOffset).\(position.sequenceNumber).\(position.version)",
      ])
  }

  /// The event that would come after a record of the store in its partition: with another id, of another stream.
  package func next(after record: EventRecord, partitions: Partition) -> EventRecord {
    var next = record
    next.id = EventID(time: .now())
    next.position.partitionOffset += 1
    next.position.sequenceNumber += 1
    next.position.version = 1
    let partitioner = Partitioner(count: partitions)
    for number in 0... {
      next.streamID = "forged-\(number)"
      if partitioner.partition(of: next.streamID) == record.position.partition { break }
    }
    return next
  }
}
