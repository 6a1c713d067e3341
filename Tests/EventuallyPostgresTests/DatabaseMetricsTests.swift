import CoreMetrics
import Eventually
import EventuallyTesting
import MetricsTestKit
import Testing

@testable import EventuallyPostgres

/// What is told of pools and of operations, by the names of OpenTelemetry's conventions.
struct DatabaseMetricsTests {
  private let metrics = TestMetrics()

  private func value(_ label: String, _ pool: String, state: String? = nil) -> Double? {
    var dimensions = [("db_client_connection_pool_name", pool)]
    if let state { dimensions.append(("db_client_connection_state", state)) }
    return metrics.recorders(label: label, dimensions: dimensions).first?.lastValue
  }

  @Test func poolsOfANameAreToldTogether() {
    let name = "pool-\(EventID(time: .now()))"
    withMetricsFactory(metrics) {
      let one = PoolMetrics(name, size: 2)
      one.set(.init(used: 1, idle: 1))
      do {
        let other = PoolMetrics(name, size: 3)
        other.set(.init(used: 3, waiting: 4))
        other.timedOut()
        #expect(value(MetricName.poolConnections, name, state: "used") == 4)
        #expect(value(MetricName.poolConnections, name, state: "idle") == 1)
        #expect(value(MetricName.poolRequests, name) == 4)
        #expect(value(MetricName.poolSize, name) == 5)
        other.set(.init(idle: 3))
        #expect(value(MetricName.poolConnections, name, state: "idle") == 4)
        withExtendedLifetime(other) {}
      }
      #expect(value(MetricName.poolConnections, name, state: "used") == 1)
      #expect(value(MetricName.poolSize, name) == 2)
      one.set(.init())
    }
    #expect(value(MetricName.poolSize, name) == nil)
  }

  @Test func aPoolTellsOfItsConnectionsAndOperations() async throws {
    let name = "pool-\(EventID(time: .now()))"
    let url = try TestServer.shared.get().url()
    try await withMetricsFactory(metrics) {
      let pool = PostgresPool(
        url, options: .init(name: name, size: 1, waiting: .seconds(1)))
      try await until("there is a connection") {
        (try? await pool.run([PostgresStatement("SELECT 1")], "ask")) != nil
      }
      try await pool.withConnection { _ throws(PostgresError) in
        #expect(value(MetricName.poolConnections, name, state: "used") == 1)
        do throws(PostgresError) {
          _ = try await pool.run([PostgresStatement("SELECT 1")], "ask")
        } catch {
          #expect(error.kind == .timedOut, "\(error)")
        }
      }
      #expect(value(MetricName.poolConnections, name, state: "used") == 0)
      #expect(value(MetricName.poolConnections, name, state: "idle") == 1)
      #expect(value(MetricName.poolRequests, name) == 0 && value(MetricName.poolSize, name) == 1)
      await #expect(throws: PostgresError.self) {
        try await pool.run([PostgresStatement("SELECT 1 / 0")], "ask")
      }
      await pool.close()
    }
    let pool = [("db_client_connection_pool_name", name)]
    let timeouts = metrics.counters(label: MetricName.poolTimeouts, dimensions: pool).first
    #expect((timeouts?.totalValue ?? 0) >= 1)
    let waits = metrics.timers(label: MetricName.poolSeconds, dimensions: pool).first
    #expect((waits?.values.count ?? 0) >= 3)
    let ask = [("db_system_name", "postgresql"), ("db_operation_name", "ask")]
    let timers = metrics.timers(label: MetricName.databaseSeconds, dimensions: ask)
    #expect(timers.contains { !$0.values.isEmpty }, "\(timers)")
    let failed = metrics.timers(
      label: MetricName.databaseSeconds, dimensions: ask + [("error_type", "22012")])
    #expect(failed.first?.values.count == 1, "\(failed)")
  }

  /// Neither who was cancelled, nor who was refused since that does not change, nor who came to a closed pool, has waited too long.
  @Test(.timeLimit(.minutes(5))) func onlyWhoseTimeWasOverIsCountedAsSuch() async throws {
    let name = "pool-\(EventID(time: .now()))"
    let there = PostgresAddress(try TestServer.shared.get().url()).writing
    let nobody = "postgres://127.0.0.1:\(try PostgresServer.freePort())/none"
    func kind(of pool: PostgresPool) async -> PostgresError.Kind? {
      do throws(PostgresError) {
        _ = try await pool.run([PostgresStatement("SELECT 1")], "ask")
        return nil
      } catch {
        return error.kind
      }
    }
    await withMetricsFactory(metrics) {
      let pool = PostgresPool(nobody, options: .init(name: name, size: 1, waiting: .seconds(60)))
      let caller = Task { await kind(of: pool) }
      while await pool.failure == nil { await Task.yield() }
      caller.cancel()
      #expect(await caller.value == .cancelled)
      await pool.close()
      #expect(await kind(of: pool) == .unreachable)
      let strict = PostgresPool(
        there, options: .init(name: name, size: 1, waiting: .seconds(60))
      ) { _ throws(PostgresError) in throw .lasting("no") }
      #expect(await kind(of: strict) == .unreachable)
      await strict.close()
    }
    let pool = [("db_client_connection_pool_name", name)]
    let timeouts = metrics.counters(label: MetricName.poolTimeouts, dimensions: pool)
    #expect(timeouts.allSatisfy { $0.totalValue == 0 })
  }
}
