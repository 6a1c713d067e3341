import Eventually

/// Asks the broker again and again how far it is, so that a worker knows whether the broker is there also while
/// nothing comes from it.
final class BrokerWatch: Sendable {
  private let task: Task<Void, Never>
  private let asks: AsyncStream<Void>.Continuation

  /// Watches until it is stopped.
  /// - Parameter partitions: tells which are of interest at the moment; where there are none, one is asked for all the
  ///   same, to see whether the broker answers.
  init(
    _ client: ConsumerClient, interval: Duration = .seconds(2),
    partitions: @escaping @Sendable () -> [Partition],
    status: @escaping @Sendable (BrokerStatus) -> Void
  ) {
    let watcher = Watcher(client: client)
    let (stream, asks) = AsyncStream.makeStream(
      of: Void.self, bufferingPolicy: .bufferingNewest(1))
    self.asks = asks
    task = Task {
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          while !Task.isCancelled {
            asks.yield()
            // A cancelled pause ends the loop by its condition.
            try? await Task.sleep(for: interval)
          }
        }
        var last = BrokerStatus()
        for await _ in stream {
          let wanted = partitions()
          let answer = await watcher.ends(of: wanted.isEmpty ? [0] : wanted)
          if Task.isCancelled { break }
          switch answer {
          case .success(let ends): last = BrokerStatus(ends: ends, heard: .now)
          case .failure(let error): last.failure = error.description
          }
          status(last)
        }
        group.cancelAll()
      }
    }
  }

  /// Asks now, unless it is asking.
  ///
  /// To ask also wakes librdkafka's fetcher: where what it has fetched fills its queue it sleeps for up to a second
  /// (before 2.2 that can't be set), and does not notice that the queue is empty again.
  func ask() {
    asks.yield()
  }

  /// Ends it, and returns when it uses the client no more.
  func stop() async {
    task.cancel()
    await task.value
  }

  /// Blocks a thread of its own.
  private actor Watcher {
    private let executor = BlockingExecutor(label: "kafka.watch")
    private let client: ConsumerClient

    nonisolated var unownedExecutor: UnownedSerialExecutor {
      executor.asUnownedSerialExecutor()
    }

    init(client: ConsumerClient) {
      self.client = client
    }

    func ends(of partitions: [Partition]) -> Result<[Partition: Int64], KafkaError> {
      do throws(KafkaError) {
        let ends = try client.offsets(.end, of: partitions, timeout: 1000)
        return .success(Dictionary(uniqueKeysWithValues: zip(partitions, ends)))
      } catch {
        return .failure(error)
      }
    }
  }
}
