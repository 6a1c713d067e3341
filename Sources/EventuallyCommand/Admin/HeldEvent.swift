import ArgumentParser
import Eventually

extension AdminCommand {
  /// The event that holds a partition.
  struct HeldEvent: ParsableArguments {
    @Option(help: "The partition that is held.")
    var partition: Partition
    @Option(help: "The partition offset of the event that holds it.")
    var offset: UInt64

    func validate() throws {
      guard partition >= 0 else { throw ValidationError("--partition must be at least 0") }
      guard (1..<1 << 62).contains(offset) else {
        throw ValidationError("--offset must be from 1 to 2⁶² - 1")
      }
    }
  }
}
