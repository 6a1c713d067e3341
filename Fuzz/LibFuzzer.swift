import Foundation

/// libFuzzer's loop, which the toolchain has in a library without a function `main`.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

/// `fuzz TARGET` and libFuzzer's own arguments.
@main struct Fuzz {
  /// Chosen before anything else happens, and never changed.
  nonisolated(unsafe) private static var target = FuzzTarget.json

  static func main() {
    guard let name = CommandLine.arguments.dropFirst().first,
      let chosen = FuzzTarget(rawValue: name)
    else {
      print("fuzz TARGET [libFuzzer's arguments]: one of")
      for target in FuzzTarget.allCases { print("  \(target)") }
      exit(64)
    }
    target = chosen
    let arguments = [CommandLine.arguments[0]] + CommandLine.arguments.dropFirst(2)
    // libFuzzer may keep them for as long as the process lives.
    let words = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
      capacity: arguments.count + 1)
    for (index, argument) in arguments.enumerated() { words[index] = strdup(argument) }
    words[arguments.count] = nil
    var count = Int32(arguments.count)
    var first = words
    exit(
      runDriver(&count, &first) { start, count in
        do {
          try Fuzz.target.run(Array(UnsafeBufferPointer(start: start, count: count)))
        } catch {
          // libFuzzer keeps the input of a crash.
          fatalError("\(Fuzz.target): \(error)")
        }
        return 0
      })
  }
}
