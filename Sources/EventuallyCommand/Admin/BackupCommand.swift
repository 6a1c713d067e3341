import ArgumentParser
import EventuallySQLite
import EventuallyServer

extension AdminCommand {
  /// `admin backup`
  struct Backup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write a copy of the store to a file, while its writer runs.",
      discussion: """
        The copy is the store as it is at one moment. It has nothing that was erased before; a stream that is removed while it \
        is made is in it as it was, which is told at the end: make another then, and delete this one. As long as it takes, \
        erasures wait and the store's log grows. FILE must not exist; it appears when it is whole, and on the disk.

        To restore: stop the writer, move the store's file away together with those beside it whose names end in -wal and \
        -shm, and put the copy in its place. What was appended after the backup is gone then, and topic and read models are ahead \
        of the store: the writer publishes nothing to the topic and says so in /readyz. So begin a new topic (--topic of \
        writer and projectors), run republish, delete the read models' files while no worker runs, and start writer and \
        workers again. A backup has no read models: they are made of the events.
        """)
    @OptionGroup var files: AdminCommand.DataOptions
    @Argument(help: "The file to write, in a folder that exists.")
    var file: String

    func validate() throws { try files.requireStoreFile("backup") }

    func run() async throws {
      var line = ProgressLine()
      defer { line.finish() }
      let backup = try files.openStoreFile().backup(to: file) {
        line.show("copying the store", fraction: $0)
      }
      line.finish()
      try Output.standard.line(
        "\(backup.path): \(grouped(backup.head)) events of the store \(backup.storeID), "
          + "\(grouped(backup.size)) bytes")
      guard backup.removedMeanwhile == 0 else {
        try Output.standard.flush()
        throw Failure(
          "\(grouped(backup.removedMeanwhile)) streams were removed meanwhile, and the copy still has what their events "
            + "said: make another, and delete this one")
      }
    }
  }
}
