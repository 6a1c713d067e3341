// The partitions of a read model: how far each is, its epoch, and which worker has it.
import { h, show } from '../lib/dom.js';
import { age, bytes, count, percent, ranges, rate } from '../lib/format.js';
import { oldAfter } from '../lib/live.js';
import { watchOverview } from '../lib/overview.js';
import { panel } from '../lib/page.js';
import { badge, table } from '../lib/table.js';
import { value } from '../lib/value.js';
import { said } from '../lib/words.js';

/** When a process reported last. One whose work others do is gone, and no reason to worry. */
export function reported({ age: heard, isReplaced }) {
  if (isReplaced) return badge(`gone: ${age(heard)}`);
  return heard > oldAfter ? badge(`old: ${age(heard)}`, 'wrong') : age(heard);
}

/** A figure of a process that reports; that of one that is silent is of the past. */
export function fresh({ age: heard }, figure) {
  return heard > oldAfter ? null : figure;
}

function workers(list) {
  return table('Workers', [
    { title: 'Worker', cell: (row) => value(row.name, { limit: 60 }) },
    { title: 'Host', cell: (row) => value(row.host, { limit: 60 }) },
    { title: 'Partitions', cell: (row) => (row.isReplaced ? '' : ranges(row.partitions) || 'none') },
    { title: 'Events/s', number: true, cell: (row) => rate(fresh(row, row.rate)) },
    { title: 'Batch', about: said.batch, number: true, cell: (row) => count(fresh(row, row.batch)) },
    { title: 'CPU', number: true, cell: (row) => percent(fresh(row, row.cpu)) },
    { title: 'Memory', number: true, cell: (row) => bytes(fresh(row, row.memory)) },
    { title: 'Reported', number: true, cell: reported },
  ], list, { key: ({ name }) => name, empty: 'None has reported.', mark: (row) => (row.age > oldAfter ? 'old' : null) });
}

function partitions(list) {
  return table('Partitions', [
    { title: 'Partition', cell: (row) => String(row.partition) },
    { title: 'Worker', cell: (row) => (row.worker ? value(row.worker, { limit: 60 }) : badge('none', 'wrong')) },
    { title: 'Epoch', about: said.epoch, number: true, cell: (row) => count(row.epoch) },
    { title: 'Applied', number: true, cell: (row) => (row.position === null ? 'never' : count(row.position)) },
    { title: 'Last event', number: true, cell: (row) => count(row.head) },
    { title: 'Lag', number: true, cell: (row) => (row.lag >= 1000 ? h('strong', { class: 'bad' }, count(row.lag)) : count(row.lag)) },
  ], list, { key: ({ partition }) => `p${partition}` });
}

/** The view. */
export function partitionsView(place, model) {
  return watchOverview(({ readModels }) => {
    const now = readModels.find(({ name }) => name === model.name);
    if (now) show(place, panel('Partitions', partitions(now.partitions)), panel('Workers', workers(now.workers)));
  });
}
