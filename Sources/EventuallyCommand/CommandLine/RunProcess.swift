package import ArgumentParser
import Eventually
import EventuallyKafka
import EventuallyServer
import Foundation
import Logging

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A command that handles SIGTERM and SIGINT itself: it is a service, or runs some. Others are cancelled by them, and end with 143
/// or 130.
package protocol ServiceCommand: AsyncParsableCommand {}

extension AsyncParsableCommand {
  /// Runs the command that the process was started with, and ends the process.
  ///
  /// Exit codes: 0, done; 1, failed; 64, not understood; 78, a setting of a file or a variable is wrong; 130 and 143, stopped by SIGINT or SIGTERM before it was done;
  /// 141, whoever read the output closed it. Errors are a line on standard error, with what comes from outside escaped.
  static func runProcess() async {
    // A closed pipe is to be an error of the write, here as in all parts that use sockets.
    signal(SIGPIPE, SIG_IGN)
    ProcessMemory.keepLittle()
    LoggingSystem.bootstrap { ProcessLogHandler(label: $0) }
    var code: Int32 = 0
    do {
      if let warning = try FaultPlan.check(FaultPoint.all + Program.faultPoints) {
        remark("Warning: \(warning)")
      }
      try await runParsed()
      try Output.standard.flush()
    } catch {
      code = report(error)
    }
    ScratchFolder.removeAll()
    await Observability.shutDown()
    Self.exit(withError: ExitCode(code))
  }

  private static func runParsed() async throws {
    let environment = ProcessInfo.processInfo.environment
    var words = Array(CommandLine.arguments.dropFirst())
    let file = try ConfiguredCommandLine.configurationFile(&words, environment: environment)
    guard SettingSources.areThere(file: file, environment: environment) else {
      return try await runParsed(ConfiguredCommandLine(words))
    }
    let sources = try await SettingSources(of: Self.self, file: file, environment: environment)
    for name in try sources.unknownVariables() {
      remark("Warning: the environment has \(name), which is no setting")
    }
    try await runParsed(try sources.completed(words))
  }

  private static func runParsed(_ line: ConfiguredCommandLine) async throws {
    let command: any ParsableCommand
    do {
      command = try await asyncParseAsRoot(line.words)
    } catch {
      throw await blamed(error, of: line)
    }
    if command is any ServiceCommand { return try await run(command) }
    try await runUntilSignal { try await run(try await asyncParseAsRoot(line.words)) }
  }

  /// The error of a command line, or, where what was given is right, that of the setting that makes it wrong.
  static func blamed(
    _ error: any Error, of line: ConfiguredCommandLine
  ) async -> any Error {
    guard !line.additions.isEmpty, exitCode(for: error) == .validationFailure else { return error }
    do {
      _ = try await asyncParseAsRoot(line.given)
    } catch {
      return error
    }
    for addition in line.additions {
      do {
        _ = try await asyncParseAsRoot(line.words(with: [addition]))
      } catch {
        return SettingError("\(addition.value.origin): \(message(for: error))")
      }
    }
    return error
  }

  private static func run(_ command: any ParsableCommand) async throws {
    if command is any CrashSupervised, !CrashSupervisor.beginAsChild() {
      return try await CrashSupervisor.run()
    }
    if var command = command as? any AsyncParsableCommand {
      try await command.run()
    } else {
      var command = command
      try command.run()
    }
  }

  /// Says what is wrong, and returns the exit code.
  private static func report(_ error: any Error) -> Int32 {
    do {
      if exitCode(for: error).isSuccess {
        // Help is a result.
        try Output.standard.lines(fullMessage(for: error))
      }
      // What was shown before comes first.
      try Output.standard.flush()
    } catch {
      if case .closed = error { return 128 + SIGPIPE }
      complain("\(error)")
      return 1
    }
    switch error {
    case let error as Interrupted:
      complain(error.description)
      return error.exitCode
    case let error as SettingError:
      complain(error.description)
      return SettingError.exitCode
    case OutputError.closed:
      return 128 + SIGPIPE
    default:
      let code = exitCode(for: error)
      let text = fullMessage(for: error)
      if code == .validationFailure {
        // With the usage, in lines of its own.
        FileHandle.standardError.write(Data((printable(text, keepsNewlines: true) + "\n").utf8))
      } else if !code.isSuccess, !text.isEmpty {
        complain(text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text)
      }
      return code.rawValue
    }
  }
}

/// Tells an error, in one line on standard error.
package func complain(_ text: String) {
  remark("Error: \(text)")
}

/// Tells something that is not part of a command's result, in one line on standard error.
package func remark(_ text: String) {
  // There is nowhere to tell that this can't be written.
  try? FileHandle.standardError.write(contentsOf: Data("\(printable(text))\n".utf8))
}
