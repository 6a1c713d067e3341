import ArgumentParser

/// The command line of an application: all roles and all administration.
struct ApplicationCommand: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: Program.admin,
      abstract: "The processes of '\(Program.name)', and their administration.",
      discussion: """
        To try it out: '\(Program.admin) all' runs a development broker, the writer, a worker of each read model, and the query \
        server in one process. In production each is a process of its own: writer, projector run, projector serve. The administrative commands read store \
        and read models themselves, in files or a database, beside the processes that work on them.

        Every flag can be set by an environment variable or a file as well: '\(Program.admin) config --help'.

        \(AdminCommand.exitCodes)
        """,
      version: Program.version,
      groupedSubcommands: [
        CommandGroup(
          name: "Processes",
          subcommands: [
            WriterCommand.self, ProjectorCommand.self, AllCommand.self, BrokerCommand.self,
          ]),
        CommandGroup(name: "Administration", subcommands: AdminCommand.commands),
      ])
  }
}
