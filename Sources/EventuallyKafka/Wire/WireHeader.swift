/// The headers of a record: attributes of CloudEvents 1.0 in Kafka's binary mode.
enum WireHeader: String, CaseIterable {
  case specversion = "ce_specversion"
  case id = "ce_id"
  case source = "ce_source"
  case type = "ce_type"
  case time = "ce_time"
  case contentType = "content-type"
  /// `<partition sequence>.<sequence number>.<stream version>`
  case position = "ce_position"

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
    }
  }
}
