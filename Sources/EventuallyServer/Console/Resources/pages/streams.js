// Finds streams: by the beginning of their id, category, an event's type, time, correlation.
import { get } from '../lib/api.js';
import { h, show } from '../lib/dom.js';
import { ago, count, counted, time } from '../lib/format.js';
import { button, failure, heading, panel } from '../lib/page.js';
import { link, note } from '../lib/router.js';
import { choice, field, table } from '../lib/table.js';
import { label, value } from '../lib/value.js';
import { hasNoStore, noStore } from './no-store.js';

export const title = 'Streams';

const names = ['prefix', 'category', 'type', 'from', 'to', 'correlation'];

// Where the application has one aggregate, streams have no category.
function columns(hasCategories) {
  return [
    { title: 'Stream', wide: true, cell: (row) => h('a', { href: link(['stream', row.stream]) }, label(row.stream, { limit: 80 })) },
    hasCategories && { title: 'Category', cell: (row) => (row.category ? value(row.category, { limit: 30 }) : h('span', { class: 'faint' }, 'none')) },
    { title: 'Version', number: true, cell: (row) => count(row.version) },
    { title: 'Last event', cell: (row) => value(row.lastType, { limit: 40 }) },
    { title: 'Sequence', number: true, cell: (row) => count(row.lastSequenceNumber) },
    { title: 'Partition', number: true, cell: (row) => String(row.partition) },
    { title: 'When', number: true, cell: (row) => h('span', { title: time(row.lastTime) }, ago(row.lastTime)) },
  ].filter(Boolean);
}

/** How far a search has come that reads events: by type, time or correlation. */
function progress({ order, next, searched: { all, from, head } }, hasFound) {
  if (order === 'id' || all) return null;
  if (!next) return h('p', { class: 'hint' }, 'All events were searched.');
  return h('p', { class: 'hint', role: 'status' }, `${hasFound ? 'Searched' : 'Nothing in'} the newest ${count(head - from + 1)} of ${count(head)} events${hasFound ? '.' : ' yet.'}`);
}

/** A day or a time as a person writes it, as the routes take it. */
function moment(text) {
  return text ? `${text}${text.length === 16 ? ':00' : ''}Z` : '';
}

export function start(place, { about, query }) {
  if (hasNoStore(about)) return noStore(place, title, about, ['streams'], query);
  const result = h('div', { class: 'stack' });
  let found = [];
  let latest = 0;
  const input = (name, attributes = {}) => h('input', { name, value: query[name] ?? '', autocomplete: 'off', spellcheck: 'false', ...attributes });
  const categories = about.aggregates.map(({ category }) => category).filter(Boolean);
  const types = choice('type', [['', 'any'], ...(query.type ? [query.type] : [])], query.type ?? '');
  const form = h('form', { class: 'filters', role: 'search', 'aria-label': 'Find streams', on: { submit: search, change: search } },
    field('Id begins with', input('prefix', { type: 'search' })),
    field('Category', choice('category', [['', 'all'], ...categories], query.category ?? '')),
    field('Has an event of type', types),
    field('Changed after (UTC)', input('from', { type: 'datetime-local' })),
    field('Changed before (UTC)', input('to', { type: 'datetime-local' })),
    field('Correlation id', input('correlation', { type: 'search' })),
    h('button', { type: 'submit', class: 'primary' }, 'Find'));

  /** The types of the store's newest events. */
  async function fillTypes() {
    const known = (await get('event-types')).types;
    types.append(...known.filter((type) => type !== query.type).map((type) => h('option', { value: type }, type)));
  }

  function search(event) {
    event?.preventDefault();
    const asked = Object.fromEntries(names.map((name) => [name, form.elements[name].value]));
    note(['streams'], asked);
    found = [];
    ask(asked);
  }

  /** Goes on until something is found, all was searched, or somebody stops it. */
  async function ask(asked, cursor) {
    const number = ++latest;
    let next = cursor;
    try {
      do {
        const answer = await get('streams', { ...asked, from: moment(asked.from), to: moment(asked.to), cursor: next });
        // A later search has begun meanwhile.
        if (number !== latest || !place.isConnected) return;
        next = answer.next;
        // A stream whose events were searched further may be there already.
        const shown = new Set(found.map(({ stream }) => stream));
        found = [...found, ...answer.streams.filter(({ stream }) => !shown.has(stream))];
        draw(asked, answer);
      } while (next && found.length === 0);
    } catch (error) {
      if (number === latest) show(result, failure(error, () => ask(asked, next)));
    }
  }

  function draw(asked, answer) {
    const { next, order } = answer;
    const isSearching = next && found.length === 0;
    show(result, panel(isSearching ? 'No stream yet' : `${counted(found.length, 'stream')}${next ? ' and more' : ''}, ${order === 'id' ? 'by id' : 'the newest first'}`,
      isSearching ? null : table('Streams', columns(found.some(({ category }) => category)), found, {
        key: ({ stream }) => `s${stream.length}-${stream.slice(0, 100)}`,
        empty: 'No stream is like that. Ids are compared by their bytes: upper and lower case differ.',
      }),
      progress(answer, found.length > 0),
      isSearching ? h('button', { type: 'button', on: { click: stop } }, 'Stop') : null,
      next && !isSearching ? button(order === 'id' ? 'Show more' : 'Search further back', () => ask(asked, next)) : null));

    /** What was asked last is not drawn any more. */
    function stop({ target }) {
      latest += 1;
      target.replaceWith(button('Search further back', () => ask(asked, next)));
    }
  }

  show(place, heading(title, 'A stream has the events of one aggregate.'), form, result);
  search();
  fillTypes().catch((error) => show(result, failure(error)));
}

export { start as show };
