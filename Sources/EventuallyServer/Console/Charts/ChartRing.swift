import Eventually

/// The figures of the last hour, a point every five seconds. It knows no clock.
struct ChartRing {
  /// Seconds from one point to the next.
  static let step = 5
  /// How many points are kept: an hour.
  static let kept = 720
  /// How many series there may be.
  static let limit = 4 + 64 * 4 + 2

  /// What tells the ring of this process from that of the one before.
  let boot: UInt32
  /// How many points there have been.
  private(set) var tick: UInt64 = 0
  private var times: [Timestamp] = []
  /// As long as `times`, each; not a number where a figure is not known.
  private var series: [String: [Float]] = [:]

  init(boot: UInt32) {
    self.boot = boot
  }

  /// Adds a point.
  mutating func add(_ values: [String: Double], at time: Timestamp) {
    tick += 1
    times.append(time)
    for name in values.keys where series[name] == nil && series.count < Self.limit {
      series[name] = Array(repeating: .nan, count: times.count - 1)
    }
    for name in series.keys { series[name]?.append(values[name].map { Float($0) } ?? .nan) }
    guard times.count > Self.kept else { return }
    times.removeFirst()
    for name in series.keys { series[name]?.removeFirst() }
    series = series.filter { !$0.value.allSatisfy(\.isNaN) }
  }

  /// The id of the newest point.
  var id: String { "\(boot).\(tick)" }

  /// The tick that an id is of, where it is one of this ring.
  func tick(of id: String) -> UInt64? {
    let parts = id.split(separator: ".")
    guard parts.count == 2, UInt32(parts[0]) == boot, let tick = UInt64(parts[1]),
      tick <= self.tick
    else { return nil }
    return tick
  }

  /// The points after a tick; all that are kept, where that is longer ago, or `nil`.
  /// - Returns: `nil` where there is none.
  func json(after tick: UInt64?) -> [UInt8]? {
    let missing = tick.map { self.tick - min(self.tick, $0) } ?? UInt64(times.count)
    let count = min(Int(clamping: missing), times.count)
    guard count > 0 || tick == nil else { return nil }
    var json = JSONWriter()
    json.beginObject()
    json.member("step", Self.step)
    json.key("all")
    json.bool(tick == nil || missing > UInt64(times.count))
    json.key("times")
    json.beginArray()
    for time in times.suffix(count) { json.string(time.description) }
    json.endArray()
    json.key("series")
    json.beginObject()
    for (name, values) in series.sorted(by: { $0.key < $1.key }) {
      json.key(named: name)
      json.beginArray()
      for value in values.suffix(count) { json.number(Double(value)) }
      json.endArray()
    }
    json.endObject()
    json.endObject()
    return json.bytes
  }
}
