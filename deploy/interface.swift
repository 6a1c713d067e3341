// Prints the public declarations of symbol graphs, one a line, sorted: for deploy/interface.
//
//   swift deploy/interface.swift FILE.symbols.json…
import Foundation

struct Graph: Decodable {
  struct Module: Decodable {
    var name: String
  }

  struct Symbol: Decodable {
    struct Identifier: Decodable { var precise: String }
    struct Kind: Decodable { var identifier: String }
    struct Fragment: Decodable { var spelling: String }
    struct Constraint: Decodable {
      var kind: String
      var lhs: String
      var rhs: String

      var text: String { "\(lhs)\(kind == "sameType" ? " == " : ": ")\(rhs)" }
    }
    struct Extension: Decodable {
      var extendedModule: String
      var constraints: [Constraint]?
    }

    var identifier: Identifier
    var kind: Kind
    var pathComponents: [String]
    var declarationFragments: [Fragment]?
    var swiftExtension: Extension?
  }

  struct Relationship: Decodable {
    var kind: String
    var source: String
    var target: String
    var targetFallback: String?
    var swiftConstraints: [Symbol.Constraint]?
  }

  var module: Module
  var symbols: [Symbol]
  var relationships: [Relationship]
}

func condition(_ constraints: [Graph.Symbol.Constraint]?) -> String {
  guard let constraints, !constraints.isEmpty else { return "" }
  return "  [where \(constraints.map(\.text).sorted().joined(separator: ", "))]"
}

/// A declaration as one line.
func line(_ text: String) -> String {
  text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
}

var lines: Set<String> = []
for path in CommandLine.arguments.dropFirst() {
  let graph = try JSONDecoder().decode(
    Graph.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
  // What a type that conforms must have, unless an extension has it.
  let defaults = Set(
    graph.relationships.filter { $0.kind == "defaultImplementationOf" }.map(\.target))
  let required = Set(graph.relationships.filter { $0.kind == "requirementOf" }.map(\.source))
  var names: [String: String] = [:]
  for symbol in graph.symbols {
    let name = ([graph.module.name] + symbol.pathComponents).joined(separator: ".")
    names[symbol.identifier.precise] = name
    let declaration = line((symbol.declarationFragments ?? []).map(\.spelling).joined())
    let isRequired =
      required.contains(symbol.identifier.precise) && !defaults.contains(symbol.identifier.precise)
    lines.insert(
      "\(name)  \(isRequired ? "required " : "")\(declaration)\(condition(symbol.swiftExtension?.constraints))"
    )
  }
  for relationship in graph.relationships where relationship.kind == "conformsTo" {
    guard let name = names[relationship.source] else { continue }
    let target = relationship.targetFallback ?? names[relationship.target] ?? relationship.target
    // What the compiler finds for itself, for every type.
    guard !["Swift.Copyable", "Swift.Escapable", "Swift.SendableMetatype"].contains(target) else {
      continue
    }
    lines.insert("\(name)  : \(target)\(condition(relationship.swiftConstraints))")
  }
}
print(lines.sorted().joined(separator: "\n"))
