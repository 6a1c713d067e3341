import Eventually
import EventuallyTesting
import Testing

@testable import EventuallyPostgres

@Suite struct WorkerReportTests {
  @Test func reportsAreReadByOthers() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    try await WorkerReportsContract.holds(of: 1) { test.catalog.makeReports() }
    let connection = try await PostgresConnection(test.url)
    #expect(try await uncommented(in: "rm_totals_g1", on: connection) == [])
    await connection.close()
    await test.close()
  }

  @Test func reportsAreBounded() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    try await WorkerReportsContract.isBounded(of: 1, test.catalog.makeReports())
    await test.close()
  }

  @Test func reportsOfEarlierVersionsGoOn() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    try await WorkerReportsContract.goesOnWithoutRetries(of: 1) {
      test.catalog.makeReports()
    } dropRetries: {
      try await test.run("DROP TABLE IF EXISTS retried_events")
    }
    await test.close()
  }

  /// They are in no savepoint, and go with their generation.
  @Test func reportsAreNotCopied() async throws {
    let test = try await TestCatalog()
    _ = try await test.openLive()
    var report = WorkerReport()
    report.generation = 1
    let reports = test.catalog.makeReports()
    try await reports.report(report, of: "one", applied: [])
    _ = try await test.save("one")
    let tables = try await test.run(
      "SELECT count(*) FROM pg_tables WHERE tablename = 'worker_reports'")
    #expect(try tables.integer(0, 0) == 1)
    let second = try await test.build()
    try await test.catalog.makeLive(second)
    #expect(try await reports.workers() == [])
    report.generation = second
    try await reports.report(report, of: "one", applied: [])
    #expect(try await reports.workers().map(\.name) == ["one"])
    try await test.catalog.drop(1)
    await test.close()
  }
}
