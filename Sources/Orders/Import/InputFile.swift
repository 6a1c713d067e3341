import EventuallyServer
import CZlib
import Eventually
import Foundation

/// A file, or standard input, that may be compressed with gzip.
actor InputFile {
  struct Chunk: Sendable {
    /// None at the end.
    var bytes: [UInt8]
    /// How much of the file on disk has been read.
    var offset: Int
  }

  private let executor = BlockingExecutor(label: "import.input")
  private let handle: gzFile
  private let path: String
  /// The file's size on disk; `nil` where it can't be known.
  nonisolated let size: Int?

  /// The thread that reading blocks: standard input may bring nothing for long.
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// Opens a file; `-` is standard input.
  init(_ path: String) throws(Failure) {
    self.path = path
    if path == "-" {
      guard let handle = gzdopen(dup(STDIN_FILENO), "rb") else {
        throw Failure("standard input can't be read")
      }
      self.handle = handle
      size = nil
      return
    }
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw Failure("there is no file \(path)")
    }
    guard !isDirectory.boolValue, let handle = gzopen(path, "rb") else {
      throw Failure("the file \(path) can't be read")
    }
    self.handle = handle
    gzbuffer(handle, 128 << 10)
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    size = (attributes?[.size] as? NSNumber)?.intValue
  }

  isolated deinit { gzclose(handle) }

  /// The next bytes. Where the task is cancelled it does not wait for them.
  nonisolated func next() async throws -> Chunk {
    let (chunks, continuation) = AsyncThrowingStream<Chunk, any Error>.makeStream()
    Task {
      do {
        continuation.yield(try await read())
        continuation.finish()
      } catch {
        continuation.finish(throwing: error)
      }
    }
    for try await chunk in chunks { return chunk }
    throw CancellationError()
  }

  private func read() throws(Failure) -> Chunk {
    var count: Int32 = 0
    let capacity = 64 << 10
    let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
      count = gzread(handle, buffer.baseAddress, UInt32(capacity))
      initialized = max(0, Int(count))
    }
    // At the end of a file that was cut off, zlib gives what there is and then an error.
    var code: Int32 = Z_OK
    let words = gzerror(handle, &code).map { String(cString: $0) } ?? ""
    if count < 0 || (count == 0 && code != Z_OK && code != Z_STREAM_END) {
      throw Failure("\(path) can't be read to its end: \(words)")
    }
    return Chunk(bytes: bytes, offset: Int(gzoffset(handle)))
  }
}
