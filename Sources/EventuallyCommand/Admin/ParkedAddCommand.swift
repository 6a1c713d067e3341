import ArgumentParser
import Eventually
import EventuallyServer

extension AdminCommand.Parked {
  /// `admin parked add`
  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Park the event that holds a partition, with the later events of its stream.",
      discussion: """
        An event of a type that the workers' code does not know holds its partition, since newer code may be on its way. Where \
        none is, this parks it: the workers go on within seconds. Once code that knows the type runs, retry applies it. A \
        replay of the read model takes the decision over.
        """)

    @OptionGroup var target: AdminCommand.Parked.ReadModelArgument
    @OptionGroup var held: AdminCommand.HeldEvent

    func run() async throws {
      let (partition, offset) = (held.partition, held.offset)
      let log = try await target.files.openStore()
      guard partition < log.partitionCount else {
        throw Failure(
          "the store has the partitions 0 to \(log.partitionCount - 1): there is no \(partition)")
      }
      let found = try await log.records(partition: partition, after: offset - 1, limit: 1).first
      guard let record = found, record.position.partitionOffset == offset else {
        throw Failure("the store has no event at partition \(partition), offset \(offset)")
      }
      do {
        try target.readModel.definition.decode(record)
      } catch {
        try await target.withDatabase {
          try await $0.requestParking(of: partition, at: offset)
        }
        try Output.standard.line(
          "the event at partition \(partition), offset \(offset), of type '\(record.type)', is parked with the later events of "
            + "'\(record.streamID)' once a worker comes to it")
        return
      }
      throw Failure(
        "the event at partition \(partition), offset \(offset), of type '\(record.type)', can be read: workers apply or park it by "
          + "themselves")
    }
  }
}
