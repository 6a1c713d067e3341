import Eventually
import EventuallyServer
import Logging

/// Escapes what could pass for a line of its own, or command a terminal, in messages and metadata on their way to
/// standard error.
struct PrintableLogHandler: LogHandler {
  private var next: any LogHandler
  var metadataProvider: Logger.MetadataProvider?

  /// - Parameter next: gets what is logged, escaped.
  init(_ next: any LogHandler) {
    self.next = next
  }

  var logLevel: Logger.Level {
    get { next.logLevel }
    set { next.logLevel = newValue }
  }

  var metadata: Logger.Metadata {
    get { next.metadata }
    set { next.metadata = newValue.printable }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { next[metadataKey: printable(key)] }
    set { next[metadataKey: printable(key)] = newValue?.printable }
  }

  func log(event: LogEvent) {
    var event = event
    event.message = "\(printable(event.message.description))"
    var metadata = metadataProvider?.get() ?? [:]
    if let own = event.metadata { metadata.merge(own) { $1 } }
    if let error = event.error {
      metadata["error"] = "\(error)"
      event.error = nil
    }
    event.metadata = metadata.isEmpty ? nil : metadata.printable
    next.log(event: event)
  }
}

extension Logger.Metadata {
  fileprivate var printable: Logger.Metadata {
    Logger.Metadata(
      map { (Eventually.printable($0.key), $0.value.printable) }, uniquingKeysWith: { $1 })
  }
}

extension Logger.MetadataValue {
  fileprivate var printable: Logger.MetadataValue {
    switch self {
    case .array(let values): .array(values.map(\.printable))
    case .dictionary(let values): .dictionary(values.printable)
    case .string(let text): .string(Eventually.printable(text))
    case .stringConvertible(let value): .string(Eventually.printable(value.description))
    }
  }
}
