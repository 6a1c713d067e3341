// What read models could not apply: parked streams, retried or discarded one by one or together, after a dry run; and rejected records.
import { get } from '../lib/api.js';
import { h, show } from '../lib/dom.js';
import { counted } from '../lib/format.js';
import { follow } from '../lib/live.js';
import { button, failure, heading } from '../lib/page.js';
import { note } from '../lib/router.js';
import { choice, field } from '../lib/table.js';
import { setParkedCount } from '../frame.js';
import { changeParked } from './parked-change.js';
import { byReason, byStream, changeLog, rejectedRecords } from './parked-lists.js';

export const title = 'Parked and rejected';

const lead = 'A stream is parked when the read model’s code fails on one of its events; its later events wait with it, other streams go on.';

/** What came of a change, in a sentence. */
function outcome(what, results) {
  const failed = results.filter((result) => result.outcome === 'fails').length;
  if (failed) return `${counted(failed, 'stream stays', 'streams stay')} parked`;
  return `${counted(results.length, 'stream is', 'streams are')} ${what === 'retry' ? 'applied' : 'discarded'}`;
}

export function start(place, { about, query, announce, signIn, mayChange }) {
  const body = h('div', { class: 'stack' });
  const keys = new Set();
  let asked = { readModel: query.readModel ?? '' };
  let last = null;
  let stop = () => {};

  const keyOf = ({ readModel, stream }) => JSON.stringify([readModel, stream]);
  const chosen = {
    has: (row) => keys.has(keyOf(row)),
    toggle(row) {
      if (!keys.delete(keyOf(row))) keys.add(keyOf(row));
      draw(last);
    },
  };

  async function change(what, readModel, which) {
    if (!mayChange() && !(await signIn())) return;
    try {
      const results = await changeParked(what, readModel, which);
      if (!results) return;
      announce(outcome(what, results));
      keys.clear();
      await load();
    } catch (error) {
      announce(error.message, 'bad');
    }
  }

  const actions = (readModel, which, what) => h('div', { class: 'buttons' },
    button('Retry', () => change('retry', readModel, which), { what }),
    button('Discard', () => change('discard', readModel, which), { what, kind: 'quiet danger' }));

  function draw(frame) {
    last = frame;
    if (!asked.readModel) setParkedCount(frame.groups.reduce((sum, group) => sum + group.streams, 0));
    show(body, byReason(frame.groups, actions), byStream(frame.streams, frame.hasMore, chosen, actions),
      rejectedRecords(frame.rejected), changeLog(frame.changes));
  }

  /** What there is now, without waiting for the stream's next frame. */
  async function load() {
    try {
      draw(await get('parked', asked));
    } catch (error) {
      show(body, failure(error, load));
    }
  }

  function listen() {
    stop();
    stop = follow('parked', asked, { parked: draw });
  }

  const select = choice('readModel', [['', 'all'], ...about.readModels], asked.readModel, {
    change(event) {
      asked = { readModel: event.target.value };
      note(['parked'], asked);
      listen();
    },
  });
  show(place, heading(title, lead, field('Read model', select)), body);
  listen();
  return () => stop();
}

export { start as show };
