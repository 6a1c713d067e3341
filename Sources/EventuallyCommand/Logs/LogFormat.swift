import ArgumentParser
import Eventually
import EventuallyServer
import Foundation
import Logging
import Synchronization

/// How a process writes its log.
enum LogFormat: String, ExpressibleByArgument, CaseIterable {
  /// Lines of text.
  case text
  /// An object of JSON a line.
  case json

  private static let isJSON = Atomic(false)

  /// That of this process.
  static var current: LogFormat {
    get { isJSON.load(ordering: .relaxed) ? .json : .text }
    set { isJSON.store(newValue == .json, ordering: .relaxed) }
  }
}

/// Writes a process's log to standard error, in its format.
struct ProcessLogHandler: LogHandler {
  private let label: String
  private var text: PrintableLogHandler
  private var configured = Logger.Level.info
  private let write: @Sendable ([UInt8]) -> Void
  var metadata: Logger.Metadata = [:] {
    didSet { text.metadata = metadata }
  }
  /// The trace and the correlation id of what is being done.
  var metadataProvider: Logger.MetadataProvider? = Observability.logMetadata {
    didSet { text.metadataProvider = metadataProvider }
  }

  /// - Parameter write: gets each line of JSON. By default it is written to standard error; what can't be is lost.
  init(
    label: String,
    write: @escaping @Sendable ([UInt8]) -> Void = {
      try? FileHandle.standardError.write(contentsOf: Data($0))
    }
  ) {
    self.label = label
    self.write = write
    text = PrintableLogHandler(StreamLogHandler.standardError(label: label))
    text.logLevel = .trace
    text.metadataProvider = metadataProvider
  }

  var logLevel: Logger.Level {
    get { LogVerbosity.shared.level(configured) }
    set { configured = newValue }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    switch LogFormat.current {
    case .text: text.log(event: event)
    case .json: write(json(event))
    }
  }

  /// `{"time": …, "level": …, "logger": …, "source": …, "message": …}` with the metadata as further members.
  func json(_ event: LogEvent) -> [UInt8] {
    var members = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }
    if let own = event.metadata { members.merge(own) { $1 } }
    if let error = event.error { members["error"] = "\(error)" }
    var json = JSONWriter()
    json.beginObject()
    json.member("time", Timestamp.now().description)
    json.member("level", event.level.rawValue)
    json.member("logger", label)
    json.member("source", event.source)
    json.member("message", event.message.description)
    let own = ["time", "level", "logger", "source", "message"]
    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
      json.key(named: own.contains(name) ? "metadata.\(name)" : name)
      json.metadata(value)
    }
    json.endObject()
    return Array(printableJSON(json.bytes).utf8) + [UInt8(ascii: "\n")]
  }
}

extension JSONWriter {
  fileprivate mutating func metadata(_ value: Logger.MetadataValue) {
    switch value {
    case .string(let text): string(text)
    case .stringConvertible(let value): string(value.description)
    case .array(let values):
      beginArray()
      for value in values { metadata(value) }
      endArray()
    case .dictionary(let values):
      beginObject()
      for (name, value) in values.sorted(by: { $0.key < $1.key }) {
        key(named: name)
        metadata(value)
      }
      endObject()
    }
  }
}
