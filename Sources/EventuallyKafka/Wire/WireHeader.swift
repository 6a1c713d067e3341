/// The headers of a record: attributes of CloudEvents 1.0 in Kafka's binary mode.
enum WireHeader: String, CaseIterable {
  case specversion = "ce_specversion"
  case id = "ce_id"
  case source = "ce_source"
  case type = "ce_type"
  case time = "ce_time"
  case contentType = "content-type"
  /// `<partition offset>.<sequence number>.<stream version>`
  case position = "ce_position"
  /// Only where the event has it, as all that follow.
  case correlationID = "ce_correlationid"
  case causationID = "ce_causationid"
  case traceParent = "ce_traceparent"
  /// The rest of an event's metadata: an object of texts, in JSON.
  case metadata = "ce_metadata"
  /// Only where a topic key is configured: the record's code, see ``RecordSigner``. The last of those that every record may
  /// have.
  case mac = "ce_mac"
  /// Only in a placeholder, which stands for an event that the broker refuses: ``refused``.
  case placeholder = "ce_placeholder"
  /// Only where the stream has a category: its id. It is for other consumers, nothing here reads it, and it is
  /// not signed: the stream's name is the record's key.
  case subject = "ce_subject"

  /// Those that are read from a record.
  static let read = allCases.filter { $0 != .subject }

  /// The value of ``placeholder``.
  static let refused = "refused"

  /// The header's place among ``allCases``.
  var index: Int {
    switch self {
    case .specversion: 0
    case .id: 1
    case .source: 2
    case .type: 3
    case .time: 4
    case .contentType: 5
    case .position: 6
    case .correlationID: 7
    case .causationID: 8
    case .traceParent: 9
    case .metadata: 10
    case .mac: 11
    case .placeholder: 12
    case .subject: 13
    }
  }
}
