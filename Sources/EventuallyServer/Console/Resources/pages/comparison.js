// The rows in which two generations differ, side by side.
import { h } from '../lib/dom.js';
import { count, counted } from '../lib/format.js';
import { badge, table } from '../lib/table.js';
import { value } from '../lib/value.js';

function cells(values, other, names) {
  if (values === null) return h('span', { class: 'faint' }, 'no row');
  const text = (item) => (typeof item === 'number' ? count(item) : String(item));
  return h('ul', {}, values.map((item, index) => h('li', { class: other && other[index] !== item ? 'differs' : null },
    h('span', { class: 'faint' }, value(names[index] ?? '', { limit: 40 }), ' '), value(text(item), { limit: 60 }))));
}

/** What comparing a new generation with the live one came to. */
export function comparison(result, generation) {
  const { differences, differenceCount, live } = result;
  const names = (row) => (result.columns?.[row.table] ?? []).slice(row.key.length);
  return h('div', {},
    h('p', {}, differenceCount === 0 ? badge('equal', 'good') : badge(counted(differenceCount, 'row differs', 'rows differ'), 'warning'),
      ` Both at the same position, ${count(result.events)} events.`
      + ` Generation ${live}: ${count(result.liveRows)} rows, digest ${result.liveDigest}.`
      + ` Generation ${generation}: ${count(result.rows)} rows, digest ${result.digest}.`),
    differenceCount === 0 ? null : table('Rows that differ', [
      { title: 'Table', cell: (row) => value(row.table, { limit: 40 }) },
      { title: 'Key', cell: (row) => value(row.key.join(' · '), { limit: 80 }) },
      { title: `Live, generation ${live}`, cell: (row) => cells(row.live, row.rebuilt, names(row)) },
      { title: `Rebuilt, generation ${generation}`, cell: (row) => cells(row.rebuilt, row.live, names(row)) },
    ], differences),
    differences.length < differenceCount ? h('p', { class: 'hint' }, `The first ${differences.length} are shown.`) : null);
}
