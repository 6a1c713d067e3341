import Eventually
import EventuallyTesting
import Foundation
import Testing

/// The corpus, and inputs that are made of it by chance. `deploy/fuzz` looks longer, and where the code has not been yet.
///
/// `EVENTUALLY_FUZZ_SEED` makes the inputs of an earlier run again.
@Suite(.timeLimit(.minutes(2))) struct QuickFuzzTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()

  private static func corpus(of target: FuzzTarget) throws -> [[UInt8]] {
    let folder = folder.appending(path: "Corpus/\(target)")
    return try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted().map {
      [UInt8](try Data(contentsOf: folder.appending(path: $0)))
    }
  }

  /// What is often decisive, also put into the inputs.
  private static func dictionary() throws -> [[UInt8]] {
    let text = try String(contentsOf: folder.appending(path: "dictionary"), encoding: .utf8)
    return text.split(separator: "\n").filter { $0.hasPrefix("\"") }.map {
      Array($0.dropFirst().dropLast().replacing("\\\"", with: "\"").utf8)
    }
  }

  @Test(arguments: FuzzTarget.allCases) func survives(target: FuzzTarget) throws {
    let given = ProcessInfo.processInfo.environment["EVENTUALLY_FUZZ_SEED"].flatMap { UInt64($0) }
    let seed = given ?? UInt64.random(in: 0 ... .max)
    // Before the first input: one that crashes leaves no other trace.
    print("fuzz: \(target), EVENTUALLY_FUZZ_SEED=\(seed)")
    let corpus = try Self.corpus(of: target)
    try #require(!corpus.isEmpty, "\(target) has no corpus")
    for input in corpus {
      #expect(throws: Never.self, "\(String(decoding: input, as: UTF8.self))") {
        try target.run(input)
      }
    }
    var mutator = Mutator(
      random: SeededRandom(seed: seed), corpus: corpus, dictionary: try Self.dictionary())
    let end = ContinuousClock.now + .seconds(2)
    var count = 0
    while count < 20_000, ContinuousClock.now < end {
      let input = mutator.next()
      do {
        try target.run(input)
      } catch {
        Issue.record(
          "seed \(seed), input \(count): \(error): \(String(decoding: input, as: UTF8.self))")
        return
      }
      count += 1
    }
    print("fuzz: \(target), \(count) executions")
  }
}

/// Changes inputs by chance.
private struct Mutator {
  var random: SeededRandom
  var corpus: [[UInt8]]
  let dictionary: [[UInt8]]

  private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(max(bound, 1))) }

  mutating func next() -> [UInt8] {
    var bytes = corpus[below(corpus.count)]
    for _ in 0...below(4) {
      let at = below(bytes.count + 1)
      switch below(7) {
      case 0 where at < bytes.count: bytes[at] = UInt8(truncatingIfNeeded: random.next())
      case 1 where at < bytes.count: bytes[at] ^= 1 << UInt8(below(8))
      case 2 where at < bytes.count:
        bytes.removeSubrange(at..<min(bytes.count, at + 1 + below(8)))
      case 3: bytes.insert(contentsOf: dictionary[below(dictionary.count)], at: at)
      case 4:
        let word = dictionary[below(dictionary.count)]
        bytes.replaceSubrange(at..<min(bytes.count, at + word.count), with: word)
      case 5 where at < bytes.count:
        bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 1 + below(32))], at: at)
      default:
        let other = corpus[below(corpus.count)]
        bytes = Array(bytes.prefix(at)) + other.suffix(below(other.count + 1))
      }
      if bytes.count > 4096 { bytes.removeLast(bytes.count - 4096) }
    }
    return bytes
  }
}
