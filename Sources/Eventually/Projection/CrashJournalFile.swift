import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Why a crash journal's file can't be used.
package struct CrashJournalError: Error {
  package var path: String
  /// The system's number of the error.
  package var code: Int32
}

/// A read model's crash journal: a file beside its database that all of its workers map into memory.
///
/// A page of the file outlives the process that wrote to it, so a note is one store. Of each partition there are three words:
/// which process has taken it, and the ``CrashMark`` of what is being applied and of what is being decoded, each with a check of its
/// bits (``CrashNote``): one that was damaged says nothing, and no event is parked for it. A process is alive
/// while it holds the lock on its own byte in the file, which the kernel gives back however it ends.
///
/// As with SQLite's `-shm`, whoever shortens the file beneath a running process ends it by SIGBUS. Deleting it, or writing to it,
/// ends nothing; the next start makes a journal of whatever it finds, and of nothing.
///
/// `@unchecked Sendable`: the addresses never change until `deinit`; all words behind them are atomics, and of a partition's words
/// only the worker that has claimed it writes.
package final class CrashJournalFile: CrashJournal, @unchecked Sendable {
  private typealias Word = Atomic<UInt64>

  /// "EVCRASH2".
  private static let magic: UInt64 = 0x4556_4352_4153_4832
  private static let ownerSlots = 256
  /// What the file is, and the database that it is of; then the owners.
  private static let firstOwner = 2
  private static let headerWords = firstOwner + ownerSlots
  private static let wordsPerPartition = 3

  private let descriptor: Int32
  private let base: UnsafeMutablePointer<Word>
  private let wordCount: Int
  private let partitionCount: Partition
  private let limit: CrashLimit
  /// What names this process in the words of a partition: its slot, and a number that no other process in that slot has had.
  private let owner: UInt64
  /// What a process that has ended was decoding, by partition.
  private let leftDecoding: UnsafeMutablePointer<Word>

  /// The journal of a read model's database.
  package static func path(ofDatabase path: String) -> String { "\(path)-crash" }

  /// Opens a journal, and makes it where there is none or where it is not one of this database: notes of one that was at the
  /// same path before say nothing of this one's events.
  /// - Parameter created: when the database was made.
  package init(
    database: String, created: Timestamp, partitionCount: Partition,
    limit: CrashLimit = CrashLimit()
  ) throws(CrashJournalError) {
    let path = Self.path(ofDatabase: database)
    let words = Self.headerWords + Int(partitionCount) * Self.wordsPerPartition
    let size = words * MemoryLayout<UInt64>.stride
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw CrashJournalError(path: path, code: errno) }
    // Without space for all of it, a note would end the process.
    let failure = Self.reserve(size, in: descriptor)
    guard failure == 0 else {
      close(descriptor)
      throw CrashJournalError(path: path, code: failure)
    }
    guard let address = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      address != MAP_FAILED
    else {
      let error = CrashJournalError(path: path, code: errno)
      close(descriptor)
      throw error
    }
    base = address.bindMemory(to: Word.self, capacity: words)
    wordCount = words
    self.partitionCount = partitionCount
    self.limit = limit
    leftDecoding = .allocate(capacity: Int(partitionCount))
    for partition in 0..<Int(partitionCount) {
      (leftDecoding + partition).initialize(to: Word(0))
    }
    let identity = UInt64(bitPattern: created.microseconds)
    if base[0].load(ordering: .relaxed) != Self.magic
      || base[1].load(ordering: .relaxed) != identity
    {
      for index in 2..<words { base[index].store(0, ordering: .relaxed) }
      base[1].store(identity, ordering: .relaxed)
      base[0].store(Self.magic, ordering: .relaxed)
    }
    owner = Self.takeSlot(descriptor, base)
  }

  deinit {
    leftDecoding.deallocate()
    munmap(base, wordCount * MemoryLayout<UInt64>.stride)
    // The lock on the slot goes with it.
    close(descriptor)
  }

  /// Makes a file at least so long, with space on the disk for all of it.
  /// - Returns: 0, or why there is none.
  private static func reserve(_ size: Int, in descriptor: Int32) -> Int32 {
    #if canImport(Darwin)
      var status = stat()
      guard fstat(descriptor, &status) == 0 else { return errno }
      guard status.st_size < size else { return 0 }
      var space = fstore_t()
      space.fst_flags = UInt32(F_ALLOCATEALL)
      space.fst_posmode = F_PEOFPOSMODE
      space.fst_length = off_t(size) - status.st_size
      return fcntl(descriptor, F_PREALLOCATE, &space) != -1
        && ftruncate(descriptor, off_t(size)) == 0 ? 0 : errno
    #else
      return posix_fallocate(descriptor, 0, off_t(size))
    #endif
  }

  // MARK: - Who is alive

  /// Takes the first slot that no living process has. Without one left, this process counts as ended, which costs nothing but
  /// that others may go through its events one at a time.
  private static func takeSlot(_ descriptor: Int32, _ base: UnsafeMutablePointer<Word>) -> UInt64 {
    for slot in 0..<ownerSlots {
      var lock = Self.lock(slot)
      guard fcntl(descriptor, setLock, &lock) == 0 else { continue }
      let incarnation = UInt64.random(in: 1..<1 << 56)
      base[firstOwner + slot].store(incarnation, ordering: .relaxed)
      return incarnation << 8 | UInt64(slot)
    }
    return 0
  }

  /// A lock on a slot's byte, which belongs to the open file and not to the process.
  private static func lock(_ slot: Int) -> flock {
    var lock = flock()
    lock.l_type = Int16(F_WRLCK)
    lock.l_whence = Int16(SEEK_SET)
    lock.l_start = off_t((firstOwner + slot) * MemoryLayout<UInt64>.stride)
    lock.l_len = 1
    return lock
  }

  #if canImport(Darwin)
    private static let (setLock, getLock): (Int32, Int32) = (90, 92)
  #else
    private static let (setLock, getLock): (Int32, Int32) = (37, 36)
  #endif

  /// Whether any process, this one too, has a database's journal open, as whoever may write to the database has.
  package static func hasUsers(ofDatabase path: String) -> Bool {
    let descriptor = open(Self.path(ofDatabase: path), O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { return errno != ENOENT }
    defer { close(descriptor) }
    var lock = Self.lock(0)
    lock.l_len = off_t(ownerSlots * MemoryLayout<UInt64>.stride)
    return fcntl(descriptor, getLock, &lock) == 0 && lock.l_type != Int16(F_UNLCK)
  }

  /// Whether another process that has taken a partition is alive. This one's own notes end with what they are about, so that what is
  /// left in its name when it claims a partition again is still what an ended process has left.
  private func isAliveElsewhere(_ owner: UInt64) -> Bool {
    let slot = Int(owner & 0xFF)
    guard owner != 0, owner != self.owner,
      base[Self.firstOwner + slot].load(ordering: .relaxed) == owner >> 8
    else { return false }
    var lock = Self.lock(slot)
    return fcntl(descriptor, Self.getLock, &lock) == 0 && lock.l_type != Int16(F_UNLCK)
  }

  // MARK: - Words

  private func word(_ partition: Partition, _ index: Int) -> UnsafeMutablePointer<Word> {
    base + Self.headerWords + Int(partition) * Self.wordsPerPartition + index
  }

  private func ownerWord(_ partition: Partition) -> UnsafeMutablePointer<Word> {
    word(partition, 0)
  }
  private func applying(_ partition: Partition) -> UnsafeMutablePointer<Word> {
    word(partition, 1)
  }
  private func decoding(_ partition: Partition) -> UnsafeMutablePointer<Word> {
    word(partition, 2)
  }

  /// What a process that has ended leaves to be recovered from; `nil` for nothing.
  package func recovery(_ partition: Partition, after position: UInt64) -> CrashRecovery? {
    guard (0..<partitionCount).contains(partition),
      !isAliveElsewhere(ownerWord(partition).pointee.load(ordering: .relaxed))
    else { return nil }
    return CrashRecovery(
      after: position,
      applying: CrashNote.mark(applying(partition).pointee.load(ordering: .relaxed)),
      decoding: CrashNote.mark(decoding(partition).pointee.load(ordering: .relaxed)), limit: limit)
  }

  /// This process has claimed a partition: what comes is noted as its own.
  /// - Returns: what a process that has ended leaves to be recovered from.
  package func claim(_ partition: Partition, after position: UInt64) -> CrashRecovery? {
    guard (0..<partitionCount).contains(partition) else { return nil }
    let recovery = recovery(partition, after: position)
    let left = recovery == nil ? 0 : decoding(partition).pointee.load(ordering: .relaxed)
    leftDecoding[Int(partition)].store(left, ordering: .relaxed)
    if recovery == nil {
      applying(partition).pointee.store(0, ordering: .relaxed)
      decoding(partition).pointee.store(0, ordering: .relaxed)
    }
    ownerWord(partition).pointee.store(owner, ordering: .relaxed)
    return recovery
  }

  /// Events up to an offset are about to be applied.
  package func begin(_ partition: Partition, _ mark: CrashMark?) {
    guard let mark, (0..<partitionCount).contains(partition) else { return }
    applying(partition).pointee.store(CrashNote.word(mark), ordering: .relaxed)
  }

  /// What was begun was applied, or refused with an error.
  package func end(_ partition: Partition) {
    guard (0..<partitionCount).contains(partition) else { return }
    applying(partition).pointee.store(0, ordering: .relaxed)
  }

  package func beginDecoding(_ partition: Partition, _ partitionOffset: UInt64) -> Int? {
    guard (0..<partitionCount).contains(partition) else { return nil }
    let left = CrashNote.mark(leftDecoding[Int(partition)].load(ordering: .relaxed))
    let deaths = left?.partitionOffset == partitionOffset ? left?.attempts ?? 0 : 0
    if deaths >= limit.deaths { return deaths }
    guard let mark = CrashMark(partitionOffset, attempts: deaths + 1) else { return nil }
    decoding(partition).pointee.store(CrashNote.word(mark), ordering: .relaxed)
    return nil
  }

  package func endDecoding(_ partition: Partition) {
    guard (0..<partitionCount).contains(partition) else { return }
    decoding(partition).pointee.store(0, ordering: .relaxed)
  }
}
