// The lists of the page Parked: by reason, by stream, rejected records, and what was changed.
import { h } from '../lib/dom.js';
import { ago, bytes, count, counted, time } from '../lib/format.js';
import { panel } from '../lib/page.js';
import { link } from '../lib/router.js';
import { table } from '../lib/table.js';
import { label, value } from '../lib/value.js';

/** Parked streams by read model and reason; `actions(readModel, which, said)` makes the buttons. */
export function byReason(groups, actions) {
  return panel('By reason', table('Reasons', [
    { title: 'Reason', wide: true, cell: (group) => value(group.reason, { limit: 140 }) },
    { title: 'Read model', cell: ({ readModel }) => h('a', { href: link(['read-model', readModel]) }, readModel) },
    { title: 'Streams', number: true, cell: (group) => count(group.streams) },
    { title: 'Events', number: true, cell: (group) => count(group.events) },
    { title: 'Since', number: true, cell: ({ since }) => h('span', { title: time(since) }, ago(since)) },
    {
      title: 'Actions',
      cell: ({ readModel, reason, streams }) => actions(readModel, { reason }, streams === 1 ? 'the stream with this reason' : `all ${count(streams)} streams with this reason`),
    },
  ], groups, { empty: 'Nothing is parked.' }));
}

/**
 * Parked streams, of which some can be chosen.
 * @param chosen `{ has(row), toggle(row) }`.
 */
export function byStream(streams, hasMore, chosen, actions) {
  if (streams.length === 0) return null;
  const picked = streams.filter(chosen.has);
  const [readModel, ...others] = new Set(picked.map((row) => row.readModel));
  const together = others.length === 0
    ? actions(readModel, { names: picked.map(({ stream }) => stream) }, 'the chosen streams')
    : h('p', { class: 'hint' }, 'Choose streams of one read model.');
  const box = (row) => h('input', {
    type: 'checkbox', 'aria-label': `Choose ${row.stream.slice(0, 60)}`, checked: chosen.has(row),
    on: { change: () => chosen.toggle(row) },
  });
  return panel('By stream',
    picked.length ? h('div', { class: 'chosen' }, h('p', {}, `${counted(picked.length, 'stream')} chosen`), together) : null,
    table('Parked streams', [
      {
        title: 'Stream', wide: true,
        cell: (row) => [box(row), ' ', h('a', { href: link(['stream', row.stream]) }, label(row.stream, { limit: 60 }))],
      },
      { title: 'Read model', cell: (row) => row.readModel },
      { title: 'Events', number: true, cell: (row) => count(row.events) },
      { title: 'Partition', number: true, cell: (row) => String(row.partition) },
      { title: 'First failed position', number: true, cell: (row) => count(row.from) },
      { title: 'Since', number: true, cell: (row) => ago(row.since) },
      { title: 'Reason', wide: true, cell: (row) => value(row.reason, { limit: 90 }) },
      {
        title: 'Actions',
        cell: (row) => actions(row.readModel, { names: [row.stream] }, `the stream ${row.stream.slice(0, 60)}`),
      },
    ], streams, { key: (row) => `p${row.readModel}${row.stream.slice(0, 100)}${row.stream.length}` }),
    hasMore ? h('p', { class: 'hint' }, 'There are more: these are the first.') : null);
}

/** Records of the topic that were not applied. */
export function rejectedRecords(records) {
  return panel('Rejected records',
    h('p', { class: 'hint' }, 'Records of the topic that are of another store, or can’t be read. They are never applied.'),
    table('Rejected records', [
      { title: 'Key', wide: true, cell: (row) => value(row.key, { limit: 60 }) },
      { title: 'Read model', cell: (row) => row.readModel },
      { title: 'Partition', number: true, cell: (row) => String(row.partition) },
      { title: 'Offset', number: true, cell: (row) => count(row.offset) },
      { title: 'Size', number: true, cell: (row) => bytes(row.bytes) },
      { title: 'Reason', wide: true, cell: (row) => value(row.reason, { limit: 120 }) },
      { title: 'Value', wide: true, cell: (row) => value(row.value, { limit: 80, mono: true }) },
    ], records, { empty: 'There are none.' }));
}

/** What was changed by this process, the newest first. */
export function changeLog(entries) {
  return panel('What was changed', table('Changes', [
    { title: 'When', cell: (entry) => time(entry.time) },
    { title: 'Who', cell: (entry) => value(entry.who, { limit: 40 }) },
    { title: 'What', wide: true, cell: (entry) => [value(entry.what, { limit: 40, mono: true }), ' ', value(entry.target, { limit: 200 })] },
    { title: 'Outcome', cell: (entry) => value(entry.outcome, { limit: 120 }) },
  ], entries, { empty: 'Nothing was changed by this process yet.' }));
}
