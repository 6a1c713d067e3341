import Eventually

/// What inputs of an ``Assignment`` return.
extension Assignment {
  enum Action: Equatable {
    /// Wait until everything that was delivered has been applied or refused, then call ``Assignment/finished()``.
    case finish
    /// Take leases, then call ``Assignment/claimed(_:)``.
    case claim([Partition])
    /// Give the client its partitions.
    case assign([StartOffset])
    /// Take all partitions from the client.
    case unassign
    /// Move the client; what can't be moved is told to ``Assignment/couldNotMove(_:)``.
    case seek([StartOffset])
    case now(Effect)
  }

  /// An action that neither waits nor fails.
  enum Effect: Equatable {
    /// Tell the broker the offsets.
    case commit([StartOffset])
    /// Forget what has come and is not delivered.
    case dropAll
    /// Forget what has come of a partition and is not delivered.
    case drop(Partition)
    /// Fetch what the bus does not have.
    case fetch(Partition, ClosedRange<UInt64>, after: Duration)
    /// A lease was fenced.
    case noteFenced(PartitionLease)
    /// A gap was filled.
    case noteRepaired(Partition)
    /// The record at an offset claims a place that the store does not have: it ends at `head`.
    case noteRejectedClaim(Partition, offset: Int64, head: UInt64)
  }
}
