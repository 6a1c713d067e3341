import Eventually
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Numbers of generations only rise: SQLite finds a database's log by its name, so a process that still has a dropped
/// generation open would write to the log of a new one under the same number, or delete it.
extension ReadModelDirectory {
  /// Where the highest number is noted that was ever given.
  private var numberPath: String { "\(path)/last-generation" }

  /// The number of a new generation, higher than every earlier one. The caller holds the directory's lock.
  func takeNumber() throws(ReadModelError) -> Int {
    let number = try highestNumber() + 1
    guard Self.numbers.contains(number) else {
      throw .damaged(
        location: path,
        cause: ReadModelDamage(
          "generation \(number - 1) is the last that there can be: look at \(numberPath)"))
    }
    try note(number)
    return number
  }

  /// Notes the highest number, before the last file that has it is deleted.
  func noteNumbers() throws(ReadModelError) {
    try note(try highestNumber())
  }

  /// The highest number that is noted, or that any file or link has.
  private func highestNumber() throws(ReadModelError) -> Int {
    var highest = 0
    for name in try fileNames(in: path) {
      let number = Self.number(ofPart: name) ?? target(ofLink: "\(path)/\(name)") ?? 0
      highest = max(highest, number)
    }
    // A file that does not hold a number says nothing: the names of the files still do.
    if let text = FileManager.default.contents(atPath: numberPath),
      let noted = Int(String(decoding: text, as: UTF8.self)), Self.numbers.contains(noted)
    {
      highest = max(highest, noted)
    }
    return highest
  }

  private func note(_ number: Int) throws(ReadModelError) {
    let new = numberPath + ".new"
    let descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw systemError(new) }
    let text = Array("\(number)".utf8)
    let isWritten = write(descriptor, text, text.count) == text.count && fsync(descriptor) == 0
    let failure = systemError(new)
    close(descriptor)
    guard isWritten else { throw failure }
    guard rename(new, numberPath) == 0 else { throw systemError(numberPath) }
    try synchronize(path)
  }

  /// Removes what is left of generations whose database is gone: a process that was killed while it dropped one leaves their
  /// logs, and so does one that still had it open. The caller holds the directory's lock.
  func removeLeftovers() throws(ReadModelError) {
    var left: Set<Int> = []
    for name in try fileNames(in: path) {
      if let number = Self.number(ofPart: name), FileIdentity(path: path(of: number)) == nil {
        left.insert(number)
      }
    }
    guard !left.isEmpty else { return }
    try noteNumbers()
    for number in left { try removeDatabase(path(of: number)) }
  }
}
