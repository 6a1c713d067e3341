import ArgumentParser
import Foundation
import Testing

@testable import EventuallyCommand
@testable import EventuallyServer
@testable import Orders

/// What docker-compose would start is what the executables take.
@Suite struct ComposeTests {
  private let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The compose file as docker-compose reads it, all profiles included.
  private func config() throws -> String {
    let output = Pipe()
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["docker-compose", "--profile", "load", "--profile", "admin", "config"]
    process.currentDirectoryURL = root
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return text
  }

  /// Each service's entrypoint and command together.
  private func commands(_ config: String) -> [String: [String]] {
    var commands: [String: [String]] = [:]
    var service = ""
    var isInServices = false
    var list: String?
    for line in config.split(separator: "\n") {
      let indent = line.prefix { $0 == " " }.count
      let text = line.dropFirst(indent)
      if indent == 0 { isInServices = text == "services:" }
      guard isInServices else { continue }
      if indent == 2, text.hasSuffix(":") { service = String(text.dropLast()) }
      if indent == 4, !text.hasPrefix("- ") {
        list = text == "command:" || text == "entrypoint:" ? String(text) : nil
      } else if let list, text.hasPrefix("- ") {
        let word = String(text.dropFirst(2)).trimmingCharacters(
          in: CharacterSet(charactersIn: "'\""))
        if list == "entrypoint:" {
          commands[service, default: []].insert(word, at: 0)
        } else {
          commands[service, default: []].append(word)
        }
      }
    }
    return commands
  }

  /// A package can't be built without the folder of each of its targets, also of those that are not asked for.
  @Test func theImageIsBuiltFromAllThatThePackageNames() throws {
    func text(_ name: String) throws -> String {
      try String(contentsOf: root.appending(path: name), encoding: .utf8)
    }
    let image = try text("deploy/Dockerfile")
    let named = try text("Package.swift").matches(of: /path: "([A-Za-z]+)[\/"]/).map {
      String($0.1)
    }
    for folder in Set(named + ["Sources", "Tests"]) {
      #expect(image.contains("COPY \(folder) ./\(folder)\n"), "\(folder)")
    }
  }

  @Test func everyCommandIsOneThatTheExecutablesTake() throws {
    let commands = commands(try config())
    #expect(
      Set(commands.keys) == [
        "writer", "projector-orders", "projector-sales", "projector-customers", "queries", "load",
        "admin",
      ])
    for (service, words) in commands {
      var words = words
      // docker-compose sorts keys, so an entrypoint comes behind its command.
      if let index = words.firstIndex(of: "ordersctl") { words.swapAt(0, index) }
      let arguments = Array(words.dropFirst())
      try Program.$application.withValue(try ApplicationModel.shop()) {
        switch words.first {
        case "writer":
          try Program.$writerCommands.withValue(Shop.writerCommands) {
            _ = try WriterCommand.parseAsRoot(arguments)
          }
        case "projector": _ = try ProjectorCommand.parseAsRoot(arguments)
        case "ordersctl": _ = try ApplicationCommand.parseAsRoot(arguments)
        default: Issue.record("\(service) starts \(words)")
        }
      }
    }
  }

  @Test func scaledServicesHaveNoNameAndNoPortOnTheHost() throws {
    let config = try config()
    #expect(!config.contains("container_name"))
    var service = ""
    var seen: Set<String> = []
    for line in config.split(separator: "\n") {
      if line.hasPrefix("  "), !line.hasPrefix("   "), line.hasSuffix(":") {
        service = line.trimmingCharacters(in: CharacterSet(charactersIn: " :"))
        seen.insert(service)
      }
      if line == "    ports:" { #expect(!service.hasPrefix("projector-"), "\(service)") }
    }
    #expect(seen.isSuperset(of: ["projector-orders", "projector-sales", "projector-customers"]))
  }
}
