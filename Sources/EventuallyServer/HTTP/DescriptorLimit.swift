#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How many files and connections the process may have open at a time.
enum DescriptorLimit {
  /// Raises the limit where the system lets the process do so itself.
  /// - Returns: the limit that holds now, or `wanted` where that is less.
  static func raise(to wanted: Int) -> Int {
    #if canImport(Glibc)
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let resource = RLIMIT_NOFILE
    #endif
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return wanted }
    var raised = limit
    raised.rlim_cur = min(limit.rlim_max, max(limit.rlim_cur, rlim_t(clamping: wanted)))
    if raised.rlim_cur > limit.rlim_cur, setrlimit(resource, &raised) == 0 { limit = raised }
    return Int(clamping: min(limit.rlim_cur, rlim_t(clamping: wanted)))
  }
}
