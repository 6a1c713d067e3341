import Eventually
import EventuallyKafka
import EventuallySQLite
import Foundation
import Logging

// Notes with tags: commands into a SQLite store, events through Kafka, and a read model that counts tags.
//
//   swift run notes            with a development broker of its own
//   swift run notes host:9092  with a Kafka that has, or may be given, the topic `notes`

/// A note: it is written once, and tagged at any time.
struct Note: Aggregate {
  enum Event: NamedEvent {
    case written(text: String)
    case tagged(String)

    var eventType: String {
      switch self {
      case .written: "NoteWritten"
      case .tagged: "NoteTagged"
      }
    }
  }

  enum Command { case write(String), tag(String) }
  enum Failure: Error { case alreadyWritten, notWritten }

  struct State {
    var text: String?
    var tags: Set<String> = []
  }

  var initialState: State { State() }

  func apply(_ event: Event, to note: inout State) {
    switch event {
    case .written(let text): note.text = text
    case .tagged(let tag): note.tags.insert(tag)
    }
  }

  func handle(_ command: Command, id: String, state note: State) throws(Failure) -> [Event] {
    switch command {
    case .write(let text):
      guard note.text == nil else { throw .alreadyWritten }
      return [.written(text: text)]
    case .tag(let tag):
      guard note.text != nil else { throw .notWritten }
      return note.tags.contains(tag) ? [] : [.tagged(tag)]
    }
  }
}

/// How many notes have a tag.
struct TagRow: CodableRow {
  static let table = "tags"
  var tag: String
  var notes = 0
  var key: String { tag }
}

/// The read model: a pure function from events to rows.
struct Tags: ReadModel {
  let name = "tags"
  let schemaVersion = 1
  let tables: [any ReadModelRow.Type] = [TagRow.self]

  func project(_ event: Persisted<String, Note.Event>, into rows: Rows) throws {
    guard case .tagged(let tag) = event.event else { return }
    try rows.update(TagRow.self, tag) { row in
      row = TagRow(tag: tag, notes: (row?.notes ?? 0) + 1)
    }
  }

  func forget(_ streamID: String, in rows: Rows) {}
}

@main struct Main {
  static func main() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "notes-\(UUID())").path()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let broker = CommandLine.arguments.count > 1 ? nil : try DevelopmentCluster()
    try broker?.createTopic("notes", partitions: 4)
    let kafka = KafkaConfiguration(
      brokers: broker?.brokers ?? CommandLine.arguments[1], topic: "notes")
    var logger = Logger(label: "notes")
    logger.logLevel = .error

    // The writer: a store, and a relay that publishes what is committed.
    let codec = JSONEventCodec<Note.Event>()
    let store = try SQLiteEventStore(
      path: "\(folder)/store.sqlite", codec: codec, options: .init(partitionCount: 4))
    let publisher = KafkaPublisher(
      kafka, source: store, contentType: codec.contentType, logger: logger)
    let publishing = Task { try await publisher.run() }

    // A worker: usually another process.
    let directory = ReadModelDirectory("\(folder)/tags", model: Tags())
    let worker = try await ReadModelWorker(
      directory, model: Tags(), codec: codec, feed: store.log, options: .init(owner: "worker-1"),
      logger: logger
    ) { checkpoints in
      KafkaSubscription(
        kafka, storeID: store.storeID, partitionCount: store.partitionCount, codec: codec,
        checkpoints: checkpoints, feed: store.log,
        options: .init(group: "notes.tags", owner: "worker-1"), logger: logger)
    }
    let projecting = Task { try await worker.run() }

    let notes = Repository(Note(), store: store)
    _ = try await notes.execute([.write("Buy milk"), .tag("errand"), .tag("today")], on: "note-1")
    let (_, last) = try await notes.execute([.write("Call Eve"), .tag("today")], on: "note-2")

    // Whoever has the place of an event can wait until a read model has it.
    guard let place = last?.last else { return }
    let reader = try ReadModelReader(path: directory.livePath, model: Tags())
    _ = try await reader.wait(
      for: place.partitionOffset, in: place.partition, atMost: .seconds(30))
    let rows = try await reader.read { connection in
      try connection.rows("SELECT tag, notes FROM tags ORDER BY tag") {
        "\($0.text(0)): \($0.integer(1))"
      }
    }
    print(rows.joined(separator: "\n"))

    projecting.cancel()
    try await projecting.value
    publishing.cancel()
    try await publishing.value
    await store.close()
  }
}
