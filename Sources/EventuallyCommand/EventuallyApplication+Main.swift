public import ArgumentParser
package import Eventually
public import EventuallyServer

/// What an executable of an application is: all of it, or one of its parts under a name of its own.
public enum ExecutableRole: Sendable {
  /// All commands.
  case application
  /// The commands of a writer.
  case writer
  /// The commands of projectors.
  case projector

  /// What an executable is by the name that it is called with, as by a link: `writer` and `projector` are those, all others
  /// applications.
  init(calledAs path: String) {
    switch path.split(separator: "/").last {
    case "writer": self = .writer
    case "projector": self = .projector
    default: self = .application
    }
  }
}

/// An application that adds commands of its own to those of a writer: an import for example.
public protocol ExtendedCommandLine: EventuallyApplication {
  /// The commands; `bank writer import`.
  static var writerCommands: [any ParsableCommand.Type] { get }
}

/// An application with fault points in its own commands.
package protocol FaultPointSource {
  static var faultPoints: [FaultPoint] { get }
}

extension EventuallyApplication {
  /// Runs the application's command line, and ends the process. Called as `writer` or `projector`, by a link of that name, the
  /// executable has the commands of that role only.
  public static func main() async {
    await run(as: ExecutableRole(calledAs: CommandLine.arguments.first ?? ""))
  }

  /// Runs a part of the application's command line, and ends the process.
  public static func run(as role: ExecutableRole) async {
    let application: ApplicationModel
    do {
      application = try ApplicationModel(Self())
    } catch {
      complain("\(error)")
      ApplicationCommand.exit(withError: ExitCode.failure)
    }
    if permitsFaultInjection { FaultPlan.enable() }
    let faultPoints = (self as? any FaultPointSource.Type)?.faultPoints ?? []
    let commands = (self as? any ExtendedCommandLine.Type)?.writerCommands ?? []
    await Program.$application.withValue(application) {
      await Program.$faultPoints.withValue(faultPoints) {
        await Program.$writerCommands.withValue(commands) {
          switch role {
          case .application: await ApplicationCommand.runProcess()
          case .writer: await WriterCommand.runProcess()
          case .projector: await ProjectorCommand.runProcess()
          }
        }
      }
    }
  }
}
