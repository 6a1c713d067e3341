// Rows of a read model: browse, search, sort, export.
import { address, get, part } from '../lib/api.js';
import { h, show } from '../lib/dom.js';
import { amount, count, counted, time } from '../lib/format.js';
import { button, failure, panel } from '../lib/page.js';
import { keep, kept, link, note } from '../lib/router.js';
import { choice, field, table } from '../lib/table.js';
import { label, value } from '../lib/value.js';

const shown = 500;

/** A cell; the read model's schema may say that a column is a time in microseconds, an amount with decimals, or a stream's id. */
function cell(item, column) {
  if (column.isMasked) return h('span', { class: 'badge', title: 'Shown to administrators only' }, 'masked');
  if (item === null) return h('span', { class: 'faint' }, 'null');
  if (column.meaning === 'time') return time(item / 1000);
  if (column.meaning === 'stream') return h('a', { href: link(['stream', item]) }, label(item, { limit: 60 }));
  if (typeof item === 'number') return column.decimals ? amount(item, column.decimals) : count(item);
  // A date or a short name is not broken where there is room for a table.
  return item.length <= 20 ? h('span', { class: 'short-text' }, value(item)) : value(item, { limit: 80 });
}

/** How much was looked through: a text that is no beginning of a key is looked for row by row. */
function searched({ searched: { all, rows: number } }) {
  return h('p', { class: 'hint' }, all ? 'A click on a title sorts; else rows are in the order of their keys.' : `Among ${count(number)} rows.`);
}

/** The rows of a read model's tables. Table, search and order are in the address; how many were shown is kept for whoever comes back. */
export function rows(place, model, { query }) {
  const result = h('div', { class: 'stack' });
  let sorted = query.order ? { column: query.order, isDown: query.down === 'true' } : null;
  let [found, latest, wanted] = [[], 0, Math.min(kept().rows ?? 0, shown)];
  const names = model.tables.map(({ name }) => name);
  const form = h('form', { class: 'filters', role: 'search', 'aria-label': 'Search rows', on: { submit: search, change: anew } },
    field('Table', choice('table', names, names.includes(query.table) ? query.table : names[0])),
    field('Search', h('input', { type: 'search', name: 'search', autocomplete: 'off', value: query.search ?? '' }), 'The beginning of a key, or any text'),
    h('button', { type: 'submit', class: 'primary' }, 'Search'));
  const path = `read-models/${part(model.name)}/rows`;
  const asked = () => ({
    table: form.elements.table.value, search: form.elements.search.value,
    order: sorted?.column, down: sorted?.isDown ? 'true' : '',
  });

  function anew(event) {
    if (event.target.name === 'table') sorted = null;
    search(event);
  }

  function search(event) {
    event?.preventDefault();
    [found, wanted] = [[], 0];
    const { table: chosen, ...rest } = asked();
    note(['read-model', model.name], { view: 'rows', table: chosen === names[0] ? '' : chosen, ...rest });
    ask();
  }

  async function ask(cursor) {
    const number = ++latest;
    try {
      const answer = await get(path, { ...asked(), cursor });
      if (number !== latest) return;
      found = [...found, ...answer.rows].slice(-shown);
      if (answer.next && found.length < wanted) return ask(answer.next);
      keep({ rows: found.length });
      draw(answer);
    } catch (error) {
      show(result, failure(error, () => ask(cursor)));
    }
  }

  function draw(answer) {
    const columns = answer.columns.map((column, index) => ({
      title: column.name, sort: column.name, number: column.kind === 'integer', wide: index === 0, cell: (row) => cell(row[index], column),
    }));
    const number = answer.next ? `${count(found.length)}+ rows` : counted(found.length, 'row');
    show(result, panel(`${number} of generation ${answer.generation}`,
      h('div', { class: 'table-head' }, searched(answer),
        h('a', { class: 'button', href: address(`${path}.csv`, asked()), download: `${model.name}.csv` }, 'Export CSV')),
      table(`Rows of ${model.name}`, columns, found, {
        sorted, empty: 'No row is like that.',
        sort(column) {
          sorted = { column, isDown: sorted?.column === column && !sorted.isDown };
          search();
        },
      }),
      answer.next ? button(answer.searched.all ? 'Show more' : 'Search further', () => ask(answer.next)) : null));
  }

  show(place, form, result);
  ask();
}
