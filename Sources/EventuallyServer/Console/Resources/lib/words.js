// Words that a page uses as names, in a sentence each.

export const said = {
  relay: 'Publishes the store’s events on the topic, in their order',
  backlog: 'Events that are in the store, and not yet on the topic',
  conflicts: 'Commands that were refused, since another one had changed the stream meanwhile',
  head: 'The sequence number of the newest event',
  epoch: 'Counts how often the partition was given to a worker; only the newest may write',
  batch: 'How many events the worker applies in one transaction',
  parked: 'Streams whose events the read model’s code could not apply; other streams go on',
  lag: 'Events that are in the store, and not yet applied',
  p99: '99 of 100 take no longer',
};
