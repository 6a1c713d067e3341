import CKafkaShim

/// How much memory a process keeps that it has freed.
public enum ProcessMemory {
  /// Has the allocator give freed memory back, or to other threads, instead of keeping it for the thread that freed it.
  ///
  /// A client of Kafka allocates on one thread what another frees, in blocks of many sizes. With an arena for each thread, and
  /// thresholds that grow with the largest block that was freed, a worker that catches up keeps 40 to 60 MB more. To be
  /// called once, when a process starts. It does nothing where glibc is not the C library, and where one of glibc's own variables
  /// (`MALLOC_ARENA_MAX`, `MALLOC_TRIM_THRESHOLD_`, `MALLOC_MMAP_THRESHOLD_`) is set.
  public static func keepLittle() { cks_keep_little_memory() }
}
