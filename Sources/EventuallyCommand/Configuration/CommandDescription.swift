import ArgumentParser
import Foundation

/// A command's options, as the parser describes them.
struct CommandDescription: Decodable, Sendable {
  /// An option, a flag or an argument.
  struct Argument: Decodable, Sendable {
    struct Name: Decodable, Sendable {
      var kind: String
      var name: String
    }

    var kind: String
    var names: [Name]?
    var isRepeating: Bool
    var defaultValue: String?
    var abstract: String?

    /// What stands after the dashes.
    var longName: String? { names?.first { $0.kind == "long" }?.name }

    private static let marker = " (default: "

    /// The value where none is given, which options with a range have in their description.
    var value: String? {
      if let defaultValue { return defaultValue }
      guard let abstract, abstract.hasSuffix(")"),
        let start = abstract.range(of: Self.marker, options: .backwards)
      else { return nil }
      return String(abstract[start.upperBound...].dropLast())
    }

    /// What it is, without the default.
    var meaning: String {
      let abstract = abstract ?? ""
      guard let end = abstract.range(of: Self.marker, options: .backwards) else { return abstract }
      return String(abstract[..<end.lowerBound])
    }
  }

  private struct Document: Decodable {
    var command: CommandDescription
  }

  var arguments: [Argument]?

  /// The options that take a value.
  var options: [Argument] { arguments?.filter { $0.kind == "option" && $0.longName != nil } ?? [] }

  /// Describes a command.
  init(_ command: (some ParsableCommand).Type) throws {
    self = try JSONDecoder().decode(Document.self, from: Data(command._dumpHelp().utf8)).command
  }
}

/// The command that a command line selects.
struct SelectedCommand {
  /// The names that lead to it from the executable's command on, which is not among them.
  var path: [String] = []
  var command: any ParsableCommand.Type
  /// How many words of the command line name it.
  var words = 0

  /// Finds it.
  init(_ words: [String], root: any ParsableCommand.Type) {
    command = root
    while true {
      let configuration = command.configuration
      if self.words < words.count,
        let named = configuration.subcommands.first(where: {
          $0._commandName == words[self.words]
        })
      {
        command = named
        self.words += 1
      } else if let implied = configuration.defaultSubcommand {
        command = implied
      } else {
        return
      }
      path.append(command._commandName)
    }
  }
}
