import Digests
import Foundation

/// Locks on names, which the server gives back however a session or transaction ends.
enum AdvisoryLock {
  /// The number that stands for a name. All who use a database share the numbers: they are taken from a digest.
  static func key(_ what: String, _ names: String...) -> Int64 {
    var hash = SHA256()
    for name in ["eventually", what] + names {
      hash.update(data: Data("\(name.utf8.count):\(name)".utf8))
    }
    return hash.finalize().prefix(8).reduce(0) { $0 << 8 | Int64($1) }
  }
}
