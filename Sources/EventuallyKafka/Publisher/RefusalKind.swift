import CKafkaShim

/// What an error that a record came back with says of it.
enum RefusalKind: Equatable {
  /// The broker takes it, or the batch that it was in, for too large.
  case tooLarge
  /// It does not accept it, or another one of its batch.
  case invalid
  /// Nothing may be written to the topic.
  case topic
  /// It was not sent, because the producer came to its end.
  case returned
  /// Something else, of the broker or of the client.
  case failure

  /// - Parameter code: librdkafka's; the positive ones are the protocol's.
  init(_ code: Int32) {
    switch code {
    // MSG_SIZE_TOO_LARGE, RECORD_LIST_TOO_LARGE
    case 10, 18: self = .tooLarge
    // INVALID_MSG_SIZE, INVALID_TIMESTAMP, UNSUPPORTED_FOR_MESSAGE_FORMAT, POLICY_VIOLATION, INVALID_RECORD
    case 4, 32, 43, 44, 87: self = .invalid
    // TOPIC_AUTHORIZATION_FAILED, CLUSTER_AUTHORIZATION_FAILED
    case 29, 31: self = .topic
    case CKS_PURGED_IN_QUEUE, CKS_PURGED_IN_FLIGHT, CKS_FATAL: self = .returned
    default: self = .failure
    }
  }

  /// Whether it is the record, or one of its batch, that is refused.
  var isOfRecords: Bool { self == .tooLarge || self == .invalid }

  /// The broker's words for a code, and its name.
  static func words(_ code: Int32) -> String {
    "\(String(cString: cks_error_words(code))) (\(name(code)))"
  }

  /// A code's name: `MSG_SIZE_TOO_LARGE`.
  static func name(_ code: Int32) -> String { String(cString: cks_error_name(code)) }
}

extension RefusalKind {
  /// A code of a record that was not sent.
  static var returnedCode: Int32 { CKS_PURGED_IN_QUEUE }
}
