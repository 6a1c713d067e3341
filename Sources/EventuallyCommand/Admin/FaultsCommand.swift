import EventuallyServer
import ArgumentParser
import Eventually
import EventuallyKafka
import EventuallySQLite

extension FaultPoint {
  /// All points of the processes.
  static let all = sqlite + kafka + copy
}

extension AdminCommand {
  /// `admin faults`
  struct Faults: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the points at which a test can make a writer or projector fail.",
      discussion: """
        The environment variable EVENTUALLY_FAULTS names points and what happens there, for example \
        'relay.produced=kill@3,readmodel.applied=hang': kill (SIGKILL), stop (SIGSTOP until SIGCONT), hang (the thread \
        never goes on), each at the passage with the number after the @, the first where there is none; and \
        fail:TEXT, for all streams whose id ends with the text. Programs that do not enable fault injection ignore it.
        """)

    func run() throws {
      var table = TextTable("point", "when it is passed")
      for point in FaultPoint.all + Program.faultPoints { table.add(point.name, point.meaning) }
      try Output.standard.table(table)
    }
  }
}
