// A page of the console: the tags, live, from the read model tags.
import { h, show } from '../../lib/dom.js';
import { count } from '../../lib/format.js';
import { follow } from '../../lib/live.js';
import { heading } from '../../lib/page.js';
import { table } from '../../lib/table.js';
import { value } from '../../lib/value.js';

const columns = [
  { title: 'Tag', wide: true, cell: ({ tag }) => value(tag) },
  { title: 'Notes', number: true, cell: ({ notes }) => count(notes) },
];

/** Shows the page in `place`; returns how to stop it. */
function start(place) {
  const tags = h('div');
  show(place, heading('Tags', 'The most used first.'), tags);
  return follow('query/tags', { path: '/tags?limit=50' }, {
    answer: (rows) => show(tags, table('Tags', columns, rows, { key: ({ tag }) => tag, empty: 'No note has a tag.' })),
  });
}

export { start as show };
