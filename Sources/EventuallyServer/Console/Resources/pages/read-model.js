// One read model: its rows; its generations and savepoints; a replay with comparison and switch.
import { get, part } from '../lib/api.js';
import { h, show } from '../lib/dom.js';
import { count, duration } from '../lib/format.js';
import { failure, heading } from '../lib/page.js';
import { link, note } from '../lib/router.js';
import { badge, facts, tabs } from '../lib/table.js';
import { label, value } from '../lib/value.js';
import { generations } from './generations.js';
import { partitionsView } from './partitions.js';
import { replay } from './replay.js';
import { rows } from './rows.js';

export const title = 'Read model';

const views = {
  rows: ['Rows', rows], partitions: ['Partitions and workers', partitionsView],
  generations: ['Generations and savepoints', generations], replay: ['Replay', replay],
};

export async function start(place, context) {
  const { parts: [name], query } = context;
  const body = h('div', { class: 'stack' });
  const top = h('div', { class: 'stack' });
  let stop = () => {};
  let isFirst = true;
  let view = query.view in views ? query.view : 'rows';

  function head(model) {
    show(top, heading(label(model.name, { limit: 60 }), value(model.about, { limit: 200 })),
      facts([
        ['Live generation', `${model.generation}, schema version ${model.schemaVersion}`],
        ['State', badge(model.state, model.state === 'live' ? 'good' : 'warning')],
        ['Lag', `${count(model.lag)} events, ${duration(model.lagMilliseconds)}`],
        ['Workers', model.workers.map((worker) => worker.name).join(', ') || 'none'],
        ['Parked', model.parkedStreams
          ? h('a', { href: link(['parked'], { readModel: name }) }, `${count(model.parkedStreams)} streams`) : 'nothing'],
      ]),
      tabs('What is shown', Object.entries(views).map(([id, [text]]) => [id, text]), view, choose));
  }

  async function choose(id) {
    view = id;
    stop();
    // The address of what is opened first has more than the view.
    if (!isFirst) note(['read-model', name], { view: id });
    const own = isFirst ? query : {};
    isFirst = false;
    body.replaceChildren();
    try {
      // Anew: what another view did may have changed it.
      const model = await get(`read-models/${part(name)}`);
      if (view !== id) return;
      head(model);
      stop = views[id][1](body, model, { ...context, query: own, show: choose }) ?? (() => {});
    } catch (error) {
      show(body, failure(error, () => choose(id)));
    }
  }

  show(place, top, body);
  await choose(view);
  return () => stop();
}

export { start as show };
