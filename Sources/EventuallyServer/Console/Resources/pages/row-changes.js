// Rows of a read model before and after something.
import { h } from '../lib/dom.js';
import { value } from '../lib/value.js';

function row({ table, key, before, after }) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const changed = names.filter((name) => before?.[name] !== after?.[name]);
  const cell = (item) => value(item === null || item === undefined ? 'null' : String(item), { limit: 60 });
  return h('li', {},
    h('span', { class: 'mono' }, value(table, { limit: 40 }), ' ', value(key.join(' · '), { limit: 60 })),
    !before ? h('span', { class: 'sign new' }, ' new row') : !after ? h('span', { class: 'sign gone' }, ' row deleted') : null,
    before && after && changed.length === 0 ? h('span', { class: 'faint' }, ' written, unchanged') : h('ul', { class: 'changes' }, changed.map((name) => h('li', {},
      h('span', { class: 'faint' }, value(name, { limit: 40 }), ' '),
      before ? [h('del', {}, cell(before[name])), after ? ' → ' : ''] : null,
      after ? h('ins', {}, cell(after[name])) : null))));
}

/** Rows that changed. */
export function rowChanges(rows) {
  if (rows.length === 0) return h('p', { class: 'faint' }, 'It changes no row.');
  return h('ul', { class: 'row-changes' }, rows.map(row));
}
