import CoreMetrics

/// How long operations of a database take, by the names of OpenTelemetry's semantic conventions for database clients.
package struct DatabaseTimers {
  private struct Key: Hashable {
    var operation: String
    var error: String?
  }

  private let system: String
  /// That of whoever makes this: operations end on any thread.
  private let factory = MetricsSystem.factory
  private var timers: [Key: Timer] = [:]

  /// - Parameter system: `sqlite` or `postgresql`.
  package init(_ system: String) {
    self.system = system
  }

  /// An operation has ended.
  /// - Parameters:
  ///   - operation: what was done, in words that do not depend on data.
  ///   - error: the database's code, or what kept it from answering; `nil` where it did what it was asked to.
  package mutating func ended(
    _ operation: String, in duration: Duration, error: String? = nil
  ) {
    let key = Key(operation: operation, error: error)
    let timer = timers[key] ?? make(key)
    timers[key] = timer
    timer.recordNanoseconds(duration.nanoseconds)
  }

  private func make(_ key: Key) -> Timer {
    var dimensions = [("db_system_name", system), ("db_operation_name", key.operation)]
    if let error = key.error { dimensions.append(("error_type", error)) }
    return Timer(label: MetricName.databaseSeconds, dimensions: dimensions, factory: factory)
  }
}
