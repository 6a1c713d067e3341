// A replay: how far it is, what differs, and the switch.
import { part, post, remove } from '../lib/api.js';
import { confirm } from '../lib/dialog.js';
import { h, show } from '../lib/dom.js';
import { ago, counted } from '../lib/format.js';
import { follow } from '../lib/live.js';
import { button, panel } from '../lib/page.js';
import { command } from '../lib/shell.js';
import { badge } from '../lib/table.js';
import { comparison } from './comparison.js';
import { switchTo } from './generations.js';
import { progress } from './replay-progress.js';
import { startForm } from './replay-start.js';

const lead = 'A replay builds a new generation beside the live one, compares the two, and waits for you to switch.';
const what = 'A new generation is built beside the live one. Queries are answered and workers go on throughout. '
  + 'In the end both are compared, row by row; the new one becomes live only when you switch.';
const words = {
  applying: 'applying', comparing: 'comparing', built: 'built, not live', failed: 'failed', stopped: 'stopped: its process has ended',
};

/** The view. */
export function replay(place, model, { announce, mayChange, signIn, show: choose }) {
  const path = `read-models/${part(model.name)}`;
  let current = model.replay;
  let form = null;

  const guard = async () => mayChange() || signIn();

  async function begin(request) {
    if (!(await guard())) return;
    const end = request.to ? ['--to', request.to] : [];
    const begun = await confirm(`Replay ${model.name} from ${request.from}?`, {
      what: [what], line: command('replay', model.name, '--from', request.from, ...end, '--no-switch'), action: 'Start it',
      submit: () => post(`${path}/replays`, request),
    });
    if (!begun) return;
    current = begun;
    announce(`the replay of ${model.name} has begun`);
    draw();
  }

  /** The same replay, begun again, goes on where it was. */
  async function goOn() {
    if (!(await guard())) return;
    const { from, to } = current;
    try {
      current = await post(`${path}/replays`, { from, to });
      announce(`the replay of ${model.name} goes on`);
      draw();
    } catch (error) {
      announce(error.message, 'bad');
    }
  }

  async function giveUp() {
    if (!(await guard())) return;
    const done = await confirm(`Delete generation ${current.generation}?`, {
      what: [`The replay ends, and what it has built is deleted. The live generation stays as it is.`],
      line: command('generations', 'drop', model.name, String(current.generation)),
      action: 'Delete it', kind: 'danger', submit: () => remove(`${path}/replay`),
    });
    if (!done) return;
    current = null;
    draw();
  }

  async function makeLive() {
    if (!(await guard())) return;
    const { generation, comparison: compared } = current;
    const why = compared?.differenceCount
      ? `${counted(compared.differenceCount, 'row differs', 'rows differ')}: see that this is what you want.`
      : compared ? 'Both generations are equal.' : 'They were not compared.';
    if (!(await switchTo(model, generation, [why]))) return;
    announce(`generation ${generation} is live`);
    choose('generations');
  }

  function draw() {
    if (!current) {
      form ??= startForm(model, begin);
      if (!place.contains(form)) place.replaceChildren(panel('Start a replay', h('p', { class: 'hint' }, lead), form));
      return;
    }
    if (form) place.replaceChildren();
    form = null;
    const { generation, state, from, to, begun, by, why } = current;
    const kind = { failed: 'wrong', stopped: 'wrong', built: 'good' }[state] ?? 'warning';
    show(place,
      panel(`Replay into generation ${generation}`,
        h('p', {}, badge(words[state] ?? state, kind), ` from ${from}${to ? ` to ${to}` : ''}, begun ${ago(begun)} by ${by}`),
        why ? h('p', { class: 'failure' }, why) : null, progress(current),
        h('div', { class: 'buttons' },
          state === 'built' ? button(`Switch to generation ${generation}`, makeLive, { kind: 'primary' }) : null,
          kind === 'wrong' ? button('Go on', goOn, { kind: 'primary' }) : null,
          button(`Delete generation ${generation}`, giveUp, { kind: 'quiet danger' }))),
      current.comparison ? panel('Comparison with the live generation', comparison(current.comparison, generation, model)) : null);
  }

  draw();
  return follow(`${path}/replay`, {}, {
    replay(next) {
      // Told once: a screen reader does not follow a bar.
      if (next?.state === 'built' && current?.state !== 'built') announce(`the replay of ${model.name} is built and compared`);
      current = next;
      draw();
    },
  });
}
