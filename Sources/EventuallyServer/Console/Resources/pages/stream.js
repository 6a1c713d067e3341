// One stream: its state as of any version or time, by a slider, and its history with what each event changed.
import { get, part } from '../lib/api.js';
import { announce, equivalent } from '../lib/dialog.js';
import { h, show } from '../lib/dom.js';
import { ago, bytes, count, time } from '../lib/format.js';
import { changeList, json } from '../lib/json.js';
import { button, failure, heading, panel } from '../lib/page.js';
import { link, note } from '../lib/router.js';
import { command } from '../lib/shell.js';
import { badge, facts, field } from '../lib/table.js';
import { copyButton, label, value } from '../lib/value.js';
import { hasNoStore, noStore } from './no-store.js';

export const title = 'Stream';

function head(stream, about) {
  const type = about.aggregates.find(({ category }) => category === stream.category);
  return [
    heading(h('span', {}, label(stream.stream, { limit: 80 }), ' ', copyButton(stream.stream, 'the stream’s id', announce)),
      type ? `${type.name}, ${count(stream.version)} events` : `${count(stream.version)} events`),
    facts([
      ['Partition', String(stream.partition)],
      stream.first ? ['First event', time(stream.first)] : null,
      stream.last ? ['Last event', `${time(stream.last)} (${ago(stream.last)})`] : null,
      ['Size', bytes(stream.bytes)],
      stream.parkedIn.length ? ['Parked in', stream.parkedIn.map((name) =>
        [h('a', { href: link(['parked'], { readModel: name }) }, badge(name, 'wrong')), ' '])] : null,
      stream.erasure ? ['Removed', time(stream.erasure.removed), stream.erasure.erased ? '' : ', something may be left in the store’s file'] : null,
    ]),
  ];
}

/** The state with a slider over versions. What is asked for while an answer is on its way waits, and only the last of it. */
function states(stream, parts, begin) {
  const place = h('div', { class: 'state', 'aria-live': 'polite' });
  let wanted = null;
  let isAsking = false;
  const slider = h('input', {
    type: 'range', min: '0', max: String(stream.version), step: '1', value: String(begin.version ?? stream.version),
    on: { input: () => ask({ version: slider.value }) },
  });
  const moment = h('input', { type: 'datetime-local', step: '0.001', on: { change: () => moment.value && ask({ time: `${moment.value}Z` }) } });
  const step = (by) => h('button', {
    type: 'button', 'aria-label': by < 0 ? 'The version before' : 'The version after',
    on: { click: () => ask({ version: Math.min(Math.max(Number(slider.value) + by, 0), stream.version) }) },
  }, by < 0 ? '‹' : '›');

  async function ask(what) {
    wanted = what;
    if (isAsking) return;
    isAsking = true;
    while (wanted) {
      const asked = wanted;
      wanted = null;
      try {
        const answer = await get(`streams/${part(stream.stream)}/state`, asked);
        // Whoever has left the page meanwhile does not get its address back.
        if (!wanted && place.isConnected) draw(answer);
      } catch (error) {
        show(place, failure(error));
      }
    }
    isAsking = false;
  }

  function draw(answer) {
    slider.value = answer.version;
    slider.setAttribute('aria-valuetext', `version ${answer.version} of ${stream.version}`);
    note(parts, { version: answer.version === stream.version ? '' : answer.version });
    show(place,
      h('p', { class: 'state-of' }, h('strong', {}, `Version ${count(answer.version)}`), ` of ${count(stream.version)}`,
        answer.type
          ? [' · after ', h('a', { href: link(['event', answer.event]) }, label(answer.type, { limit: 40 })), ` · ${time(answer.time)}`]
          : ' · before its first event'),
      answer.failure ? h('p', { class: 'hint' }, badge('not the whole state', 'wrong'), ' ', value(answer.failure, { limit: 300 })) : null,
      // Made anew: what was opened belonged to another state.
      h('div', { 'data-key': `state-${answer.version}` }, stateOf(answer)));
  }

  function stateOf({ version, state, stateCut, changes, masked }) {
    if (stateCut) return [h('p', { class: 'hint' }, `${bytes(stateCut.bytes)}, of which this is the beginning`), value(stateCut.head, { limit: 600 })];
    if (state !== null) return json(state, changes, masked);
    const reason = version === 0 ? 'There was nothing yet.' : masked.length ? 'Shown to administrators only.' : 'No aggregate of this process has such a state.';
    return h('p', { class: 'empty' }, reason);
  }

  ask(begin.time ? { time: begin.time } : { version: begin.version ?? stream.version });
  return {
    ask,
    element: panel('State as of', h('div', { class: 'slider' }, step(-1), field('Version', slider), step(1), field('Time (UTC)', moment)), place),
  };
}

function history(stream, ask) {
  const list = h('ol', { class: 'history', reversed: true });
  const more = h('button', { type: 'button', on: { click: load } }, 'Show earlier events');
  let before;
  async function load() {
    more.disabled = true;
    try {
      const answer = await get(`streams/${part(stream.stream)}/events`, { before });
      list.append(...answer.events.map(item));
      before = answer.before;
      more.hidden = before === null;
    } catch (error) {
      announce(error.message, 'bad');
    }
    more.disabled = false;
  }
  const item = (event) => h('li', {},
    h('div', { class: 'event-line' }, h('span', { class: 'version' }, `v${event.version}`),
      h('a', { href: link(['event', event.id]) }, label(event.type, { limit: 60 })),
      h('time', { class: 'faint', datetime: event.time, title: event.time }, time(event.time)),
      button('State', () => ask({ version: event.version }), { kind: 'quiet', what: `at version ${event.version}` })),
    event.note ? h('p', { class: 'hint' }, value(event.note, { limit: 300 })) : changeList(event.changes));
  load();
  return panel('History, the newest first', list, more);
}

export async function start(place, { parts, query, about }) {
  const [id] = parts;
  if (hasNoStore(about)) return noStore(place, title, about, ['stream', id], query);
  const stream = await get(`streams/${part(id)}`);
  const all = ['stream', id];
  const state = states(stream, all, { version: query.version, time: query.time });
  const look = (what) => {
    state.ask(what);
    // In a narrow window it stands below all events.
    if (state.element.getBoundingClientRect().top > innerHeight * 0.7) state.element.scrollIntoView();
  };
  const name = about.aggregates.find(({ category }) => category === stream.category)?.name.toLowerCase() ?? 'aggregate';
  show(place, head(stream, about), h('div', { class: 'two sticky' }, history(stream, look), state.element),
    equivalent(command('history', stream.category || name, stream.category ? id.slice(stream.category.length + 1) : id)));
}

export { start as show };
