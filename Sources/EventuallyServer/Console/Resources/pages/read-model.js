// One read model: its rows; its generations and savepoints; a replay with comparison and switch.
import { get, part } from '../lib/api.js';
import { h, show } from '../lib/dom.js';
import { count, counted, duration } from '../lib/format.js';
import { watchOverview } from '../lib/overview.js';
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
  const body = h('div', { class: 'stack', role: 'tabpanel', 'aria-label': 'What is shown' });
  const top = h('div', { class: 'stack' });
  let stop = () => {};
  let [shown, turns] = [null, 0];
  let view = query.view in views ? query.view : 'rows';

  function head(model) {
    shown = model;
    show(top, heading(label(model.name, { limit: 60 }), value(model.about, { limit: 200 })),
      facts([
        ['Live generation', `${model.generation}, schema version ${model.schemaVersion}`],
        ['State', badge(model.state, model.state === 'live' ? 'good' : 'warning')],
        ['Lag', `${count(model.lag)} events, ${duration(model.lagMilliseconds)}`],
        ['Workers', model.workers.map((worker) => worker.name).join(', ') || 'none'],
        ['Parked', model.parkedStreams
          ? h('a', { href: link(['parked'], { readModel: name }) }, counted(model.parkedStreams, 'stream')) : 'nothing'],
      ]),
      tabs('What is shown', Object.entries(views).map(([id, [text]]) => [id, text]), view, choose));
  }

  async function choose(id) {
    // The address of what is opened first has more than the view.
    if (shown) note(['read-model', name], { view: id });
    const own = shown ? {} : query;
    view = id;
    turns += 1;
    const turn = turns;
    stop();
    stop = () => {};
    if (shown) head(shown);
    body.replaceChildren();
    try {
      // Anew: what another view did may have changed it.
      const model = await get(`read-models/${part(name)}`);
      if (turn !== turns) return;
      head(model);
      stop = views[id][1](body, model, { ...context, query: own, show: choose }) ?? (() => {});
    } catch (error) {
      if (turn === turns) show(body, failure(error, () => choose(id)));
    }
  }

  show(place, top, body);
  await choose(view);
  // The frames have no schema's version: a generation that is live now has another one.
  const end = watchOverview(({ readModels }) => {
    const now = readModels.find((model) => model.name === name);
    if (!now || !shown) return;
    if (now.generation === shown.generation) return head({ ...shown, ...now });
    get(`read-models/${part(name)}`).then(head, () => {});
  });
  return () => {
    end();
    turns += 1;
    stop();
  };
}

export { start as show };
