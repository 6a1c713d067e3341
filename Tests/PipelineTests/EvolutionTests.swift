import Eventually
import EventuallySQLite
import FaultScenarios
import Foundation
import Testing

@testable import EventuallyServer
@testable import Orders

/// Events as they were written before cancellations had a reason.
private struct FirstCodec: EventCodec {
  let contentType = "application/json"

  func type(of event: OrderEvent) -> String {
    if case .cancelled = event { return "OrderCancelled" }
    return OrderEventCodec().type(of: event)
  }

  func encode(_ event: OrderEvent, into bytes: inout [UInt8]) {
    if case .cancelled = event { return bytes += Array("{}".utf8) }
    OrderEventCodec().encode(event, into: &bytes)
  }

  func decode(type: String, payload: Span<UInt8>) throws -> OrderEvent {
    throw UnknownEventType(type: type)
  }
}

/// Old events stay as they were, on disk and on the wire, and are read as what they mean now.
@Suite(.timeLimit(.minutes(5))) struct EvolutionTests {
  @Test func oldEventsAreReadInTheirNewForm() async throws {
    let pipeline = try Pipeline()
    let header = OrderHeader(
      customer: "17", country: "France", kind: .sale, time: Timestamp(microseconds: 0))
    let line = OrderLine(
      sku: "A", description: "", quantity: 1, unitPrice: Money(tenThousandths: 10_000))
    do {
      // That code could read what it wrote; this stand-in only writes.
      var options = SQLiteEventStore<FirstCodec>.Options(partitionCount: 4)
      options.readsBack = false
      let old = try SQLiteEventStore(
        path: pipeline.store, codec: FirstCodec(), options: options)
      for number in 0..<20 {
        _ = try await old.append(
          [.created(header), .itemAdded(line), .cancelled(reason: "")], to: "old-\(number)",
          expecting: .exact(0))
      }
      await old.close()
    }
    try await pipeline.startBroker()
    let writer = try await pipeline.startWriter()
    let workers = try await pipeline.startAllProjectors(feed: writer.base)
    for (path, body) in [
      ("create", #"{"country":"France"}"#), ("cancel", #"{"reason":"too late"}"#),
    ] { #expect(try await writer.post("/orders/new/\(path)", body).status == 200) }
    _ = try await pipeline.verifiedDigests()

    #expect(try await writer.text("/orders/old-3").body.contains(#""cancellation":"unspecified""#))
    #expect(try await writer.text("/orders/new").body.contains(#""cancellation":"too late""#))
    let history = try await writer.text("/orders/old-3/history").body
    #expect(history.contains(#""type":"OrderCancelled","#), "\(history)")
    let new = try await writer.text("/orders/new/history").body
    #expect(new.contains(#""type":"OrderCancelled.v2""#), "\(new)")
    #expect(try await writer.post("/orders/old-4/complete").body.contains("cancelled"))

    // From the wire: the old form is what the topic holds.
    let replayed = try await pipeline.run(
      "ordersctl", "replay", "orders", "--from", "zero", "--source", "kafka", "--brokers",
      pipeline.brokers, "--store", pipeline.store, "--read-models", pipeline.readModels)
    #expect(replayed.code == 0 && replayed.output.contains("equal"), "\(replayed.output)")
    let reader = try ReadModelReader(
      path: pipeline.directory(of: OrdersReadModel()).livePath, model: OrdersReadModel())
    let cancelled = try await reader.read {
      try $0.integer("SELECT count(*) FROM orders WHERE status = 'cancelled'")
    }
    #expect(cancelled == 21)
    for worker in workers { #expect(try await worker.stop() == 0) }
    #expect(try await pipeline.writer?.stop() == 0)
  }
}
