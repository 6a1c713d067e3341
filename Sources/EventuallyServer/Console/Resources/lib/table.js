// Tables: a caption for screen readers, numbers to the right, a box that scrolls by keyboard where the screen is narrow.
import { h } from './dom.js';

/**
 * A table.
 * @param caption what it shows.
 * @param columns `[{ title, cell(row), number, wide, sort, about }]`; `cell` returns what is shown, `about` explains the title.
 * @param rows the rows.
 * @param options `key(row)` names a row, `empty` is said where there is none, `mark(row)` gives a row a class,
 *   `sorted` is `{ column, isDown }` and `sort(column)` is called by a click on a title.
 */
export function table(caption, columns, rows, options = {}) {
  const { key, empty = 'nothing', mark, sorted, sort } = options;
  if (rows.length === 0) return h('p', { class: 'empty' }, empty);
  // The roles are said, since a narrow window shows rows as cards, which are no table to a browser.
  const head = (column) => h('th', {
    scope: 'col', role: 'columnheader', class: column.number ? 'number' : null, title: column.about,
    'aria-sort': sorted?.column === column.sort && column.sort
      ? (sorted.isDown ? 'descending' : 'ascending') : null,
  }, column.sort && sort
    ? h('button', { class: 'sort', type: 'button', on: { click: () => sort(column.sort) } }, column.title,
      sorted?.column === column.sort ? (sorted.isDown ? ' ▾' : ' ▴') : '')
    : column.title);
  const line = (row) => h('tr', {
    role: 'row', 'data-key': key?.(row), class: mark?.(row) },
    columns.map((column, index) => h(index === 0 ? 'th' : 'td', {
      scope: index === 0 ? 'row' : null, role: index === 0 ? 'rowheader' : 'cell',
      class: [column.number ? 'number' : '', column.wide ? 'wide' : ''].join(' ').trim() || null,
      'data-title': column.title,
    }, column.cell(row))));
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    h('table', { role: 'table', class: 'cards' }, h('caption', { class: 'unseen' }, caption),
      h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, columns.map(head))),
      h('tbody', { role: 'rowgroup' }, rows.map(line))));
}

/** Names and values. */
export function facts(pairs) {
  return h('dl', { class: 'facts' }, pairs.filter(Boolean).map(([name, ...values]) =>
    h('div', {}, h('dt', {}, name), h('dd', {}, values))));
}

/** A field of a form, with its label and what is to be known of it. */
export function field(label, control, hint) {
  const id = `field-${label.toLowerCase().replace(/[^a-z]+/g, '-')}`;
  control.id = id;
  if (hint) control.setAttribute('aria-describedby', `${id}-hint`);
  return h('div', { class: 'field' }, h('label', { for: id }, label), control,
    hint ? h('p', { class: 'hint', id: `${id}-hint` }, hint) : null);
}

/** A choice among texts, or among `[value, title]`. */
export function choice(name, options, chosen, on) {
  const select = h('select', { name, on }, options.map((option) => {
    const [text, title] = Array.isArray(option) ? option : [option, option];
    return h('option', { value: text, selected: text === chosen }, title);
  }));
  return select;
}

/** Tabs of which one is chosen, by a click or by arrow keys. What `choose` does must leave them where they are. */
export function tabs(label, options, chosen, choose) {
  function key(event) {
    const all = [...event.currentTarget.children];
    const at = all.indexOf(event.target);
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const place = (next + all.length) % all.length;
    all[place].focus();
    choose(options[place][0]);
  }
  return h('div', { class: 'tabs', role: 'tablist', 'aria-label': label, on: { keydown: key } }, options.map(([name, title]) =>
    h('button', {
      type: 'button', role: 'tab', 'aria-selected': String(name === chosen), tabindex: name === chosen ? '0' : '-1', on: { click: () => choose(name) },
    }, title)));
}

/** A word about a state, with its colour. */
export function badge(text, kind = '') {
  return h('span', { class: `badge ${kind}` }, text);
}
