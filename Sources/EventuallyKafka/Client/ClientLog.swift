import CKafkaShim
import Eventually
import Logging

/// Takes a client's log lines from C to a logger. It lives as long as its client.
final class ClientLog: Sendable {
  private let logger: Logger
  /// What librdkafka may write out where it is asked to log its configuration (2.0.2 knows of some only).
  private let secrets: [String]
  private let failure = Locked<(words: String, at: ContinuousClock.Instant)?>(nil)
  private let isEnding = Locked(false)

  init(_ logger: Logger, of settings: [KafkaSetting] = []) {
    self.logger = logger
    secrets = settings.filter { !$0.value.isEmpty && $0.isSecret }.map(\.value)
  }

  /// Why a connection to a broker failed last; `nil` where that is a while ago. The same reason is told every half minute.
  var connectionFailure: String? {
    failure.withLock { failure in
      failure.flatMap { .now - $0.at < .seconds(45) ? $0.words : nil }
    }
  }

  /// What went wrong in a call. What librdkafka says of one that ran out of time is not why the brokers can't be talked to.
  func error(_ error: cks_error, _ operation: String) -> KafkaError {
    var result = KafkaError(error, operation)
    // Positive codes come from a broker.
    if error.code < 0, let connectionFailure { result.message += ": \(connectionFailure)" }
    return result
  }

  /// The client ends: connections that it is just making are broken off, which is no failure.
  func end() { isEnding.withLock { $0 = true } }

  private func note(_ level: Int32, _ facility: String, _ line: String) {
    guard facility == "FAIL", level <= 3 else { return }
    // It begins with the thread's name: "[thrd:main]: ".
    let words =
      line.hasPrefix("[thrd:") ? line.firstRange(of: "]: ").map { line[$0.upperBound...] } : nil
    failure.withLock { $0 = (String(words ?? line[...]), .now) }
  }

  /// A pointer for the C side, valid as long as this object.
  var context: UnsafeMutableRawPointer {
    Unmanaged.passUnretained(self).toOpaque()
  }

  static let forward: cks_log = { context, level, facility, line in
    guard let context else { return }
    let log = Unmanaged<ClientLog>.fromOpaque(context).takeUnretainedValue()
    let facility = String(cString: facility)
    let line = log.secrets.reduce(String(cString: line)) { $0.replacing($1, with: "(hidden)") }
    let isEnding = log.isEnding.withLock { $0 }
    if !isEnding { log.note(level, facility, line) }
    // Said at each start, before the broker has told what it can do; of a setting that was chosen here, that it is
    // experimental; and how a producer ends with a record that the broker refuses, which its report tells.
    let isNoise =
      facility == "AUTOCREATE" || line.contains("to satisfy gap-less guarantee")
      || (facility == "FAIL" && isEnding)
      || (facility == "CONFWARN" && line.contains("enable.gapless.guarantee"))
    log.logger.log(
      level: isNoise ? .debug : ClientLog.level(level), "\(line)",
      metadata: ["facility": "\(facility)"])
  }

  /// librdkafka says much at warning level that passes by itself, and reports what does not in its
  /// results; so its words rank one level lower here.
  private static func level(_ syslog: Int32) -> Logger.Level {
    switch syslog {
    case ...2: .error
    case 3: .warning
    case 4, 5: .info
    case 6: .debug
    default: .trace
    }
  }
}

/// Calls `body` with settings as C takes them.
func withShimSettings<Result, Failure: Error>(
  _ settings: [KafkaSetting],
  _ body: (UnsafeBufferPointer<cks_setting>) throws(Failure) -> Result
) throws(Failure) -> Result {
  try withCStrings(settings.flatMap { [$0.name, $0.value] }) {
    (strings) throws(Failure) -> Result in
    let settings = stride(from: 0, to: strings.count, by: 2).map {
      cks_setting(name: strings[$0], value: strings[$0 + 1])
    }
    return try settings.withUnsafeBufferPointer { (buffer) throws(Failure) in try body(buffer) }
  }
}

/// Calls `body` with strings that end with a zero byte.
func withCStrings<Result, Failure: Error>(
  _ strings: [String], _ body: ([UnsafePointer<CChar>]) throws(Failure) -> Result
) throws(Failure) -> Result {
  var bytes: [CChar] = []
  var starts: [Int] = []
  for string in strings {
    starts.append(bytes.count)
    bytes.append(contentsOf: string.utf8CString)
  }
  return try bytes.withUnsafeBufferPointer { (buffer) throws(Failure) in
    guard let base = buffer.baseAddress else { return try body([]) }
    return try body(starts.map { base + $0 })
  }
}
