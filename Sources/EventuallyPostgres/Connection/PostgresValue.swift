import Eventually

/// A parameter of a statement, sent in PostgreSQL's binary form.
enum PostgresValue: Sendable, Hashable {
  case null
  case bool(Bool)
  case int4(Int32)
  case int8(Int64)
  case text(String)
  case bytes([UInt8])
  case int4s([Int32])
  case int8s([Int64?])
  case texts([String?])
  case byteas([ArraySlice<UInt8>?])
  case uuid(EventID)
  case uuids([EventID])
  case timestamp(Timestamp)
  case timestamps([Timestamp])
  /// A time that something takes.
  case interval(Duration)

  /// A position; no store comes beyond 2⁶³ - 1.
  static func position(_ value: UInt64) -> Self { .int8(Int64(clamping: value)) }

  /// The type's number in `pg_type`; 0 lets the server decide.
  var type: UInt32 {
    switch self {
    case .null: 0
    case .bool: 16
    case .bytes: 17
    case .int8: 20
    case .int4: 23
    case .text: 25
    case .byteas: 1001
    case .int4s: 1007
    case .timestamp: 1184
    case .timestamps: 1185
    case .interval: 1186
    case .uuid: 2950
    case .uuids: 2951
    case .texts: 1009
    case .int8s: 1016
    }
  }

  /// Appends the binary form.
  func encode(into bytes: inout [UInt8]) {
    switch self {
    case .null: break
    case .bool(let value): bytes.append(value ? 1 : 0)
    case .int4(let value): bytes.append(bigEndian: value)
    case .int8(let value): bytes.append(bigEndian: value)
    case .text(let value): bytes.append(contentsOf: value.utf8)
    case .bytes(let value): bytes.append(contentsOf: value)
    case .int4s(let values):
      Self.array(values.map(Optional.some), of: 23, into: &bytes) { $1.append(bigEndian: $0) }
    case .int8s(let values):
      Self.array(values, of: 20, into: &bytes) { $1.append(bigEndian: $0) }
    case .texts(let values):
      Self.array(values, of: 25, into: &bytes) { $1.append(contentsOf: $0.utf8) }
    case .byteas(let values):
      Self.array(values, of: 17, into: &bytes) { $1.append(contentsOf: $0) }
    case .uuid(let value): bytes.append(value)
    case .uuids(let values):
      Self.array(values.map(Optional.some), of: 2950, into: &bytes) { $1.append($0) }
    case .timestamp(let value): bytes.append(bigEndian: value.microseconds - Self.epoch)
    case .timestamps(let values):
      Self.array(values.map(Optional.some), of: 1184, into: &bytes) {
        $1.append(bigEndian: $0.microseconds - Self.epoch)
      }
    case .interval(let value):
      // Days and months are apart.
      bytes.append(bigEndian: value.wholeMicroseconds)
      bytes.append(bigEndian: Int64(0))
    }
  }

  /// PostgreSQL counts from 2000-01-01T00:00:00Z.
  static let epoch: Int64 = 946_684_800_000_000

  private static func array<Element>(
    _ values: [Element?], of type: UInt32, into bytes: inout [UInt8],
    _ encode: (Element, inout [UInt8]) -> Void
  ) {
    // Dimensions, whether there are nulls, the elements' type; of the one dimension its length and first index.
    bytes.append(bigEndian: Int32(values.isEmpty ? 0 : 1))
    bytes.append(bigEndian: Int32(values.contains { $0 == nil } ? 1 : 0))
    bytes.append(bigEndian: type)
    if values.isEmpty { return }
    bytes.append(bigEndian: Int32(clamping: values.count))
    bytes.append(bigEndian: Int32(1))
    for value in values {
      let start = bytes.count
      bytes.append(bigEndian: Int32(-1))
      guard let value else { continue }
      encode(value, &bytes)
      let size = Int32(clamping: bytes.count - start - 4)
      withUnsafeBytes(of: size.bigEndian) { bytes.replaceSubrange(start..<start + 4, with: $0) }
    }
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ id: EventID) {
    append(bigEndian: id.high)
    append(bigEndian: id.low)
  }

  fileprivate mutating func append(bigEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }
}

/// A statement with its parameters `$1`, `$2` …
struct PostgresStatement: Sendable, Hashable {
  /// It is prepared once for each connection, by its text: texts are to be few.
  var sql: String
  var parameters: [PostgresValue]

  init(_ sql: String, _ parameters: PostgresValue...) { self.init(sql, parameters) }

  init(_ sql: String, _ parameters: [PostgresValue]) {
    self.sql = sql
    self.parameters = parameters
  }
}

extension Duration {
  fileprivate var wholeMicroseconds: Int64 {
    let (seconds, overflow) = components.seconds.multipliedReportingOverflow(by: 1_000_000)
    let rest = components.attoseconds / 1_000_000_000_000
    let sum = seconds.addingReportingOverflow(rest)
    return overflow || sum.overflow ? (components.seconds < 0 ? .min : .max) : sum.partialValue
  }
}
