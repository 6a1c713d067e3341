import CZlib

/// Makes gzip of bytes that come part by part. It takes some 256 KiB of memory.
final class Gzip {
  /// The compressor holds on to its address.
  private let stream: UnsafeMutablePointer<z_stream>
  private var output = [UInt8](repeating: 0, count: 32 << 10)

  struct Failure: Error, CustomStringConvertible {
    var code: Int32
    var description: String { "zlib failed with \(code)" }
  }

  init() throws(Failure) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // The largest window, and gzip's header.
    let code = deflateInit2_(
      stream, 4, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    guard code == Z_OK else {
      stream.deallocate()
      throw Failure(code: code)
    }
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  /// The next compressed bytes, which may be none.
  /// - Parameter isLast: whether nothing follows.
  func compress(_ bytes: [UInt8], isLast: Bool) throws(Failure) -> [UInt8] {
    var compressed: [UInt8] = []
    let code = bytes.withUnsafeBufferPointer { input -> Int32 in
      // zlib reads it and does not write to it.
      stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
      stream.pointee.avail_in = UInt32(clamping: input.count)
      while true {
        let (code, count) = output.withUnsafeMutableBufferPointer { buffer in
          stream.pointee.next_out = buffer.baseAddress
          stream.pointee.avail_out = UInt32(clamping: buffer.count)
          let code = deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
          return (code, buffer.count - Int(stream.pointee.avail_out))
        }
        compressed += output[..<count]
        // A full buffer may mean that there is more.
        guard code == Z_OK, count == output.count else { return code }
      }
    }
    // Z_BUF_ERROR says that there was nothing to do.
    guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
      throw Failure(code: code)
    }
    return compressed
  }
}
