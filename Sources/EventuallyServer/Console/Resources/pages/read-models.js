// All read models.
import { h, show } from '../lib/dom.js';
import { count, duration, rate } from '../lib/format.js';
import { heading } from '../lib/page.js';
import { watchOverview } from '../lib/overview.js';
import { link } from '../lib/router.js';
import { badge, table } from '../lib/table.js';
import { label } from '../lib/value.js';
import { spark } from '../lib/chart.js';

export const title = 'Read models';

export function start(place) {
  show(place, heading(title), h('p', { class: 'loading' }, 'Loading …'));
  return watchOverview(({ readModels }) => {
    show(place, heading(title, 'A read model is built from events, by workers; queries are answered from its live generation.'),
      table('Read models', [
        { title: 'Read model', cell: (model) => h('a', { href: link(['read-model', model.name]) }, label(model.name, { limit: 60 })) },
        { title: 'Generation', cell: (model) => [model.generation === null ? '' : `${model.generation} `, badge(model.state, model.state === 'live' ? 'good' : 'warning')] },
        { title: 'Lag', number: true, cell: (model) => count(model.lag) },
        { title: 'Behind by', number: true, cell: (model) => duration(model.lagMilliseconds) },
        { title: 'Applied', number: true, cell: (model) => rate(model.rate) },
        { title: 'Last minute', cell: (model) => spark(model.recent, `applied by ${model.name} in the last minute`) },
        { title: 'Workers', number: true, cell: (model) => String(model.workers.length) },
        {
          title: 'Parked', number: true, cell: ({ name, parkedStreams }) => (parkedStreams
            ? h('a', { href: link(['parked'], { readModel: name }) }, count(parkedStreams)) : '0'),
        },
        { title: 'Rejected', number: true, cell: (model) => count(model.rejected) },
      ], readModels, { key: ({ name }) => name }));
  });
}

export { start as show };
