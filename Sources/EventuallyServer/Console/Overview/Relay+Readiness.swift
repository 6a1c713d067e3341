import Eventually
import EventuallyKafka

extension PipelineLook.Relay {
  /// A relay as the readiness of its writer tells of it.
  /// - Parameters:
  ///   - writer: what the writer is called, where it publishes itself.
  ///   - published: the sequence number up to which everything is acknowledged.
  init(readiness body: [UInt8], of writer: String, published: UInt64) throws {
    self.init(published: published)
    var holder: String?
    var reader = JSONReader(body.span)
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if reader.isKey(key, "publisher") {
        phase = PublisherStatus.Phase(rawValue: try reader.string())
      } else if reader.isKey(key, "publishedBy") {
        holder = try reader.string()
      } else if reader.isKey(key, "epoch") {
        epoch = UInt64(clamping: try reader.integer())
      } else if reader.isKey(key, "failure") {
        failure = try reader.string()
      } else if reader.isKey(key, "refused") {
        // It is there where some are.
        isRefusing = true
        try reader.skip()
      } else if reader.isKey(key, "cursorFailure") {
        cursorFailure = try reader.string()
      } else {
        try reader.skip()
      }
    }
    publisher = phase == .standby ? holder : writer
  }
}
