import Eventually
import FaultScenarios
import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@testable import EventuallySQLite
@testable import Orders

/// `verify` reads what is live in place, while workers go on.
@Suite(.timeLimit(.minutes(5))) struct VerificationTests {
  private static let partitions: Partition = 4
  private let pipeline: Pipeline
  private let store: SQLiteEventStore<OrderEventCodec>

  init() throws {
    pipeline = try Pipeline()
    store = try SQLiteEventStore(
      path: pipeline.store, codec: OrderEventCodec(),
      options: .init(partitionCount: Self.partitions))
  }

  private typealias Store = SQLiteEventStore<OrderEventCodec>

  private func place(_ number: Int) async throws { try await Self.place(number, in: store) }

  private static func place(_ number: Int, in store: Store) async throws {
    let header = OrderHeader(
      customer: "c-\(number % 17)", country: "France", kind: .sale, time: .now())
    let line = OrderLine(
      sku: "s-\(number % 5)", description: "tea", quantity: 1,
      unitPrice: Money(tenThousandths: Int64(number % 9 + 1) * 10_000))
    _ = try await store.append(
      [.created(header), .itemAdded(line), .completed], to: "order-\(number)", expecting: .any)
  }

  private func live() async throws -> LiveReadModel<CustomersReadModel> {
    try await LiveReadModel.open(
      pipeline.directory(of: CustomersReadModel()), model: CustomersReadModel(),
      codec: OrderEventCodec(), storeID: store.storeID, partitionCount: Self.partitions)
  }

  private func project(into readModel: LiveReadModel<CustomersReadModel>) async throws {
    try await Self.project(store, into: readModel)
  }

  private static func project(
    _ store: Store, into readModel: LiveReadModel<CustomersReadModel>
  ) async throws {
    let subscription = LogSubscription(
      store.log, codec: OrderEventCodec(), checkpoints: readModel,
      partitions: Array(0..<partitions), through: try await store.log.heads(), owner: "test")
    await ReadModelProjector(subscription, into: readModel).run()
  }

  /// With a lag of 0 it goes through all its rounds, each behind a worker that has gone on meanwhile.
  @Test(arguments: [0, 10_000]) func itIsRightWhileAWorkerGoesOn(_ smallLag: UInt64) async throws {
    let readModel = try await live()
    for number in 0..<50 { try await place(number) }
    try await project(into: readModel)
    let work = Task { [store] in
      var number = 50
      while !Task.isCancelled {
        try await Self.place(number, in: store)
        if number % 10 == 0 { _ = try await store.remove("order-\(number - 7)") }
        try await Self.project(store, into: readModel)
        number += 1
      }
    }
    for _ in 0..<5 {
      do {
        var verification = ReadModelVerification(
          pipeline.directory(of: CustomersReadModel()), model: CustomersReadModel(),
          codec: OrderEventCodec(), log: store.log, scratch: try scratch())
        verification.smallLag = smallLag
        let outcome = try await verification.verify()
        #expect(outcome.differenceCount == 0, "\(outcome.differences)")
        #expect(outcome.rows > 0 && outcome.events >= 150 && outcome.damage.isEmpty)
      } catch let error as VerificationError {
        // Just then there was a removal that the worker had not come to.
        #expect("\(error)".contains("was removed"), "\(error)")
      }
    }
    work.cancel()
    // It ends as cancelled, or after what it was at.
    _ = await work.result
    await store.close()
  }

  @Test func aFoldBeginsAnewWhereWhatItLeftOutWasApplied() async throws {
    for number in 0..<20 { try await place(number) }
    let heads = try await store.log.heads()
    let folder = try scratch()
    func fold() -> VerificationFold<CustomersReadModel> {
      VerificationFold(
        log: store.log, model: CustomersReadModel(), codec: OrderEventCodec(), folder: folder)
    }
    var first = fold()
    try await first.open()
    try await first.prepare(through: heads, leavingOut: [1: [2]])
    try await first.advance(through: heads) { _ in }
    #expect(first.events == 59)
    // A process that comes after it, in which the same is left out, goes on with what is there.
    var second = fold()
    try await second.open()
    try await second.prepare(through: heads, leavingOut: [1: [2], 3: [100]])
    #expect(second.lag(behind: heads) == 0)
    #expect(second.events == 59)
    // One in which the event was applied meanwhile begins anew; so does one that is to end earlier.
    for (ends, leftOut, count) in [
      (heads, [:], 60), (heads.map { $0 - 1 }, [:], 56), (heads, [2: [1]], 59),
    ] as [([UInt64], [Partition: Set<UInt64>], Int)] {
      var next = fold()
      try await next.open()
      try await next.prepare(through: ends, leavingOut: leftOut)
      #expect(next.lag(behind: ends) == ends.reduce(0, +))
      try await next.advance(through: ends) { _ in }
      #expect(next.events == count)
    }
    await store.close()
  }

  private func scratch() throws -> String {
    let path = pipeline.file("scratch-\(UUID().uuidString)")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  private func ctl(_ arguments: [String]) async throws -> (code: Int32, output: String) {
    let process = try await pipeline.start(
      "ordersctl",
      arguments + ["--store", pipeline.store, "--read-models", pipeline.readModels])
    let code = try await process.exitCode()
    return (code, process.log)
  }

  /// The way back that the error tells of.
  @Test func aDamagedReadModelIsBuiltAnewOnceItIsMovedAway() async throws {
    for number in 0..<40 { try await place(number) }
    try await project(into: try await live())
    await store.close()
    let directory = pipeline.directory(of: CustomersReadModel())
    let path = directory.path(of: 1)
    // As after a crash of the last worker, whose log was emptied before.
    try SQLiteConnection(path: path, mode: .readWrite).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    #expect(truncate(path, 30_000) == 0)
    for command in [["verify"], ["status"], ["replay", "customers", "--from", "zero"]] {
      let ended = try await ctl(command)
      #expect(ended.code == 1 && ended.output.contains("move the file and"), "\(ended.output)")
      #expect(ended.output.contains(path), "\(ended.output)")
    }
    #expect(rename(path, pipeline.file("away")) == 0)
    unlink(path + "-wal")
    let replayed = try await ctl(["replay", "customers", "--from", "zero"])
    #expect(replayed.code == 0, "\(replayed.output)")
    let verified = try await ctl(["verify"])
    #expect(verified.code == 0 && verified.output.contains("120 events"), "\(verified.output)")
  }

  @Test func aDamagedStoreIsNamedWithWhatIsWrong() async throws {
    for number in 0..<20 { try await place(number) }
    try await project(into: try await live())
    await store.close()
    let sound = try await ctl(["verify"])
    #expect(sound.code == 0 && !sound.output.contains("DAMAGED"), "\(sound.output)")
    try SQLiteConnection(path: pipeline.store, mode: .readWrite).execute(
      "UPDATE events SET previous = 17 WHERE sequence = 30")
    let damaged = try await ctl(["verify"])
    #expect(damaged.code == 1)
    #expect(
      damaged.output.contains("the store \(pipeline.store) is DAMAGED")
        && damaged.output.contains("the event at sequence number 30")
        && damaged.output.contains("put a backup in its place"), "\(damaged.output)")
  }
}
