@testable import Eventually
import Foundation
import Testing

@testable import EventuallySQLite

/// Waiting for a lock of the read model's files holds up nothing else in the process.
@Suite(.timeLimit(.minutes(5))) struct LiveReadModelLockTests {
  @Test func waitingForTheLockLeavesTheSharedThreadsAlone() async throws {
    let folder = try TemporaryFolder()
    let directory = ReadModelDirectory(folder.file("words"), model: WordModel())
    // More than there are threads for tasks.
    let count = ProcessInfo.processInfo.activeProcessorCount * 4
    var workers: [LiveReadModel<WordModel>] = []
    for _ in 0..<count {
      workers.append(
        try await LiveReadModel.open(
          directory, model: WordModel(), codec: TextCodec(), storeID: "s", partitionCount: 1))
    }
    // The file is gone, so that all of them have to begin another one, and somebody else holds the lock for that.
    try directory.removeDatabase(directory.path(of: 1))
    let lock = open(directory.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { close(lock) }
    #expect(lock >= 0 && flock(lock, LOCK_EX) == 0)
    let begun = Count()
    let claims = workers.map { worker in
      Task {
        begun.add()
        return try await worker.claim([0], owner: "w")
      }
    }
    let opening = Task {
      begun.add()
      return try await LiveReadModel.open(
        directory, model: WordModel(), codec: TextCodec(), storeID: "s", partitionCount: 1)
    }
    // Tasks go on: all of them have begun while none can come to an end. The deadline is kept by a thread that is not theirs.
    let isHeldUp = await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        let deadline = ContinuousClock.now + .seconds(20)
        while begun.value <= count, ContinuousClock.now < deadline { usleep(1_000) }
        let isHeldUp = begun.value <= count
        // Where they are held up, only this lets them go on.
        if isHeldUp { flock(lock, LOCK_UN) }
        continuation.resume(returning: isHeldUp)
      }
    }
    #expect(!isHeldUp)
    flock(lock, LOCK_UN)
    for claim in claims { #expect(try await claim.value.count == 1) }
    #expect(try await opening.value.generation == 2)
    #expect(directory.live() == 2)
  }
}
