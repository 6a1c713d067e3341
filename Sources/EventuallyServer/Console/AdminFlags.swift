import Eventually
import Foundation

/// The flags with which administrative commands look at what a process looks at: in another directory, with the defaults, they would not find it.
struct AdminFlags: Sendable, Equatable {
  /// For those that are about the store and the read models.
  var data: [String] = []
  /// For those that are about the topic.
  var topic: [String] = []

  init(
    store: StoreLocation? = nil, readModels: ReadModelLocation? = nil,
    bus: (brokers: String, topic: String)? = nil
  ) {
    switch store {
    case .file(let path): data += ["--store", Self.absolute(path)]
    // Without its password, which is the asker's own.
    case .postgres: data += ["--store", store.map { "\($0)" } ?? ""]
    case nil: break
    }
    switch readModels {
    case .folder(let path): data += ["--read-models", Self.absolute(path)]
    case .postgres: data += ["--read-models", readModels.map { "\($0)" } ?? ""]
    case nil: break
    }
    if let bus { topic = ["--brokers", bus.brokers, "--topic", bus.topic] }
  }

  private static func absolute(_ path: String) -> String {
    let path = URL(filePath: path).standardizedFileURL.path(percentEncoded: false)
    return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  func write(_ json: inout JSONWriter) {
    json.beginObject()
    json.member("data", data)
    json.member("topic", topic)
    json.endObject()
  }
}
