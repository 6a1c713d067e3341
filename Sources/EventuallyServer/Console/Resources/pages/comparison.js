// The rows in which two generations differ, side by side.
import { h } from '../lib/dom.js';
import { count, counted } from '../lib/format.js';
import { link } from '../lib/router.js';
import { badge, facts, table } from '../lib/table.js';
import { label, value } from '../lib/value.js';

// A date or a short name is not broken.
const shortText = (text) => (text.length <= 20 ? h('span', { class: 'short-text' }, value(text)) : value(text, { limit: 80 }));

// A digest's beginning tells it from another one; all of it is under the pointer.
const side = (name, rows, digest) => [name, `${counted(rows, 'row')}, digest `, h('span', { class: 'mono' }, label(digest, { limit: 12 }))];

function cells(values, other, names) {
  if (values === null) return h('span', { class: 'faint' }, 'no row');
  const text = (item) => (typeof item === 'number' ? count(item) : String(item));
  return h('ul', {}, values.map((item, index) => h('li', {},
    h('span', { class: 'faint' }, value(names[index] ?? '', { limit: 40 }), ' '),
    h('span', { class: other && other[index] !== item ? 'differs' : null }, value(text(item), { limit: 60 })))));
}

/** What may explain that rows differ: what the live generation could not apply. */
function explanation({ name, parkedStreams }, live) {
  const [are, them] = parkedStreams === 1 ? ['stream is', 'its'] : ['streams are', 'their'];
  return h('p', { class: 'hint' }, `${count(parkedStreams)} ${are} parked in generation ${live}: that may explain the rows of ${them} events. `,
    h('a', { href: link(['parked'], { readModel: name }) }, 'Look at what is parked'));
}

/** What comparing a new generation with the live one came to. */
export function comparison(result, generation, model) {
  const { differences, differenceCount, live } = result;
  const names = (row) => (result.columns?.[row.table] ?? []).slice(row.key.length);
  return h('div', {},
    h('p', {}, differenceCount === 0 ? badge('equal', 'good') : badge(counted(differenceCount, 'row differs', 'rows differ'), 'warning'),
      ` Both at the same position, ${count(result.events)} events.`),
    differenceCount > 0 && model.parkedStreams > 0 && model.generation === live ? explanation(model, live) : null,
    facts([side(`Generation ${live}, live`, result.liveRows, result.liveDigest), side(`Generation ${generation}, rebuilt`, result.rows, result.digest)]),
    differences.length === 0 ? null : table('Rows that differ', [
      { title: 'Table', cell: (row) => h('span', { class: 'short-text' }, value(row.table, { limit: 40 })) },
      { title: 'Key', cell: (row) => shortText(row.key.join(' · ')) },
      { title: `Live, generation ${live}`, cell: (row) => cells(row.live, row.rebuilt, names(row)) },
      { title: `Rebuilt, generation ${generation}`, cell: (row) => cells(row.rebuilt, row.live, names(row)) },
    ], differences),
    differences.length < differenceCount ? h('p', { class: 'hint' }, differences.length === 0
      ? 'The rows are not kept: a stream was removed since, and they may be of it.' : `The first ${differences.length} are shown.`) : null);
}
