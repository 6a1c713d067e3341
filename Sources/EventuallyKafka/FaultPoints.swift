package import Eventually

extension FaultPoint {
  /// The relay has read how far the topic is, and has published nothing.
  package static let relayRecovering = FaultPoint(
    "relay.recovering", "a starting writer has read the topic's end, and published nothing yet")
  /// Records are with the producer.
  package static let relayProduced = FaultPoint(
    "relay.produced", "events are handed to the producer; no acknowledgement was noted")
  /// The broker has acknowledged records.
  package static let relayAcknowledged = FaultPoint(
    "relay.acknowledged", "the broker has acknowledged events; the relay's cursor is not saved")
  /// The broker has refused a record.
  package static let relayRefused = FaultPoint(
    "relay.refused",
    "the broker has refused an event and may have accepted later ones; none is published again yet")
  /// Leases are taken.
  package static let subscriptionClaimed = FaultPoint(
    "subscription.claimed", "a worker has taken leases of partitions, and consumed nothing of them")
  /// Partitions are being given back.
  package static let subscriptionRevoked = FaultPoint(
    "subscription.revoked", "a worker is to give partitions back, and has not yet")

  /// All points of this module.
  package static let kafka: [FaultPoint] = [
    relayRecovering, relayProduced, relayAcknowledged, relayRefused, subscriptionClaimed,
    subscriptionRevoked,
  ]
}
