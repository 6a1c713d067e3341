import Eventually
import Foundation

/// A process that is measured. Its memory's peak is known when it has ended.
final class ChildProcess {
  private let pid: pid_t
  private let output: FileHandle
  private let input: FileHandle?
  let name: String
  /// All that it has printed, when it has ended.
  private(set) var text = ""
  private var hasEnded = false
  private static let running = Locked<Set<pid_t>>([])

  /// Starts a program; its standard output is read here, its standard error goes where this process's goes.
  /// - Parameter hasInput: whether it has a standard input of its own, which ends with this process at the latest.
  init(_ path: String, _ arguments: [String], hasInput: Bool = false) throws {
    name = ([URL(filePath: path).lastPathComponent] + arguments).joined(separator: " ")
    let pipe = Pipe()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, pipe.fileHandleForWriting.fileDescriptor, 1)
    posix_spawn_file_actions_addclose(&actions, pipe.fileHandleForReading.fileDescriptor)
    posix_spawn_file_actions_addclose(&actions, pipe.fileHandleForWriting.fileDescriptor)
    let inputPipe = hasInput ? Pipe() : nil
    if let inputPipe {
      // No other process keeps it open.
      _ = fcntl(inputPipe.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
      posix_spawn_file_actions_adddup2(&actions, inputPipe.fileHandleForReading.fileDescriptor, 0)
    }
    input = inputPipe?.fileHandleForWriting
    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var started: pid_t = 0
    let code = posix_spawn(&started, path, &actions, nil, words, environ)
    guard code == 0 else {
      throw BenchError("\(path) can't be started: \(String(cString: strerror(code)))")
    }
    pid = started
    Self.running.withLock { _ = $0.insert(started) }
    output = pipe.fileHandleForReading
    try pipe.fileHandleForWriting.close()
    try inputPipe?.fileHandleForReading.close()
  }

  /// Ends a program's standard input, and waits until it has ended by itself.
  func endInput() throws {
    try input?.close()
    try wait()
  }

  /// A measurement that failed leaves no process behind.
  deinit {
    guard !hasEnded else { return }
    _ = Self.running.withLock { $0.remove(pid) }
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
  }

  /// The first line of output, as soon as it is there.
  func firstLine() throws -> String {
    var line = Data()
    while let byte = try output.read(upToCount: 1), byte != Data("\n".utf8) { line += byte }
    guard !line.isEmpty else { throw BenchError("\(name) said nothing") }
    return String(decoding: line, as: UTF8.self)
  }

  /// Kills all that run now.
  static func killAll() {
    running.withLock { for pid in $0 { kill(pid, SIGKILL) } }
  }

  func signal(_ number: Int32) { kill(pid, number) }

  /// Waits for the end.
  /// - Returns: what it measured, where it says, and the peak of its resident memory in bytes.
  @discardableResult
  func wait() throws -> (measured: Measured?, peak: Int) {
    text = String(decoding: try output.readToEnd() ?? Data(), as: UTF8.self)
    _ = Self.running.withLock { $0.remove(pid) }
    var status: Int32 = 0
    var usage = rusage()
    guard wait4(pid, &status, 0, &usage) == pid else { throw BenchError("\(name) is gone") }
    hasEnded = true
    let isSignalled = status & 0x7F != 0
    guard isSignalled || status >> 8 == 0 else {
      throw BenchError("\(name) failed with exit code \(status >> 8)")
    }
    let line = text.split(separator: "\n").last.map { Data($0.utf8) }
    return (
      line.flatMap { try? JSONDecoder().decode(Measured.self, from: $0) }, usage.ru_maxrss * 1024
    )
  }

  /// Ends a process that would not end by itself.
  @discardableResult
  func stop(_ number: Int32 = SIGTERM) throws -> (measured: Measured?, peak: Int) {
    signal(number)
    return try wait()
  }
}
