// The way of one event: appended, published, applied by each read model or parked; what led to it and what it led to.
import { get, part } from '../lib/api.js';
import { announce } from '../lib/dialog.js';
import { h, show } from '../lib/dom.js';
import { bytes, count, duration, time } from '../lib/format.js';
import { changeList, json } from '../lib/json.js';
import { heading, load, panel } from '../lib/page.js';
import { link } from '../lib/router.js';
import { badge, facts, table } from '../lib/table.js';
import { copyButton, label, value } from '../lib/value.js';
import { causes, effects } from './event-tree.js';
import { hasNoStore, noStore } from './no-store.js';
import { rowChanges } from './row-changes.js';

export const title = 'Event';

const states = {
  applied: 'good', parked: 'wrong', waiting: 'warning', 'passed over': '', discarded: 'wrong', unknown: '',
};

function appended({ event, command }) {
  const correlation = event.metadata?.correlationId;
  return h('li', { class: 'leg' }, h('h2', {}, 'Appended ', badge('done', 'good')),
    facts([
      ['When', time(event.time)],
      ['Stream', h('a', { href: link(['stream', event.stream], { version: event.version }) },
        label(event.stream, { limit: 60 }), ` version ${count(event.version)}`)],
      ['Sequence number', count(event.sequenceNumber)],
      ['By', value([command.name ?? 'a command', command.holder ? `of ${command.holder}` : ''].join(' '), { limit: 60 })],
      command.idempotencyKey ? ['Idempotency key', value(command.idempotencyKey, { limit: 40, mono: true })] : null,
      correlation ? ['Correlation', h('a', { href: link(['streams'], { correlation }) }, label(correlation, { limit: 40 }))] : null,
      command.trace ? ['Trace', value(command.trace, { limit: 40, mono: true })] : null,
    ]));
}

/** The record's offset; where the writer does not know it any more, the topic is asked. */
function offset(leg, id) {
  if (leg.offset !== null) return count(leg.offset);
  const place = h('span', {}, 'not known any more ');
  show(place, 'not known any more ', h('button', { type: 'button', class: 'quiet', on: {
    click: () => load(place, () => get(`events/${part(id)}/topic`),
      (found) => (found.offset === null ? 'the topic does not have it' : count(found.offset))),
  } }, 'Look it up'));
  return place;
}

function published(leg, id) {
  const isDone = leg.state === 'published';
  return h('li', { class: 'leg' }, h('h2', {}, 'Published ', badge(isDone ? 'done' : leg.state, isDone ? 'good' : 'warning'),
    leg.afterAppended === undefined ? null : h('span', { class: 'latency' }, `+${duration(leg.afterAppended)}`)),
  facts([
    ['When', leg.time ? time(leg.time) : isDone ? 'not kept any more' : 'not yet'], ['Partition', String(leg.partition)],
    isDone ? ['Kafka offset', offset(leg, id)] : null,
    leg.publisher ? ['By', value(leg.publisher, { limit: 60 })] : null,
    leg.why ? ['Why', value(leg.why, { limit: 200 })] : null,
  ]));
}

/** The rows; of those that later events have changed too, only which. */
function rows({ rows: list, exact }) {
  if (exact || list.length === 0) return rowChanges(list);
  return h('div', {}, h('p', { class: 'faint' }, 'Other events came after it: which values it changed is not known any more. These are its rows:'),
    h('ul', {}, list.map(({ table: name, key }) => h('li', { class: 'mono' }, value(name, { limit: 40 }), ' ', value(key.join(' · '), { limit: 60 })))));
}

/** When and by whom it was applied. */
function when(leg) {
  if (!leg.time) return leg.state === 'applied' ? 'when is not known any more' : null;
  if (leg.state !== 'applied') return time(leg.time);
  const who = `${leg.worker ? ` by ${leg.worker}` : ''}, generation ${leg.generation}`;
  return leg.retried ? `it was parked, and applied by a retry ${time(leg.time)}${who}` : `${time(leg.time)}${who}`;
}

function applied(leg) {
  const name = h('a', { href: link(['read-model', leg.readModel]) }, label(leg.readModel, { limit: 40 }));
  return h('div', { class: `model-leg ${states[leg.state] ?? ''}` },
    h('h3', {}, name, ' ', badge(leg.state, states[leg.state]),
      leg.afterPublished === undefined ? null
        : h('span', { class: 'latency' }, `+${duration(leg.afterPublished)}, ${duration(leg.afterAppended)} after the append`)),
    when(leg) ? h('p', { class: 'faint' }, when(leg)) : null,
    leg.why ? h('p', {}, value(leg.why, { limit: 300 })) : null,
    leg.state === 'parked' ? h('p', {}, h('a', { href: link(['parked'], { readModel: leg.readModel }) }, 'Look at what is parked')) : null,
    leg.rows ? rows(leg) : null);
}

function payload(event) {
  const place = h('div', {});
  if (event.dataCut === undefined) show(place, json(event.data ?? {}, [], event.masked));
  else {
    show(place, h('p', {}, value(event.dataCut.head, { limit: 600, mono: true })),
      h('button', { type: 'button', on: { click: () => load(place, () => get(`events/${part(event.id)}/payload`), (data) => json(data)) } },
        `Show all (${bytes(event.dataCut.bytes)})`));
  }
  return place;
}

/** How far the event is, in a sentence. */
function summary(found) {
  if (!found) return null;
  const names = found.readModels?.join(', ');
  switch (found.state) {
    case 'parked': return `Parked by ${names}.`;
    case 'discarded': return `Discarded by ${names}.`;
    case 'waiting': return `Not everywhere yet: ${names}.`;
    case 'unknown': return `Not known of ${names}.`;
    default: return found.afterAppended === null ? 'Applied everywhere; when is not known any more.' : `Everywhere after ${duration(found.afterAppended)}.`;
  }
}

function metadata({ metadata: { correlationId, causationId, additional = {} } = {} }) {
  return [['correlationId', correlationId], ['causationId', causationId], ...Object.entries(additional)]
    .filter(([, text]) => text);
}

export async function start(place, { about, parts: [id] }) {
  if (hasNoStore(about)) return noStore(place, title, about, ['event', id]);
  const way = await get(`events/${part(id)}`);
  const { event } = way;
  show(place,
    heading(label(event.type, { limit: 80 }), summary(way.summary),
      h('p', { class: 'mono faint' }, event.id, ' ', copyButton(event.id, 'the event’s id', announce))),
    h('ol', { class: 'way' }, appended(way), published(way.published, event.id),
      h('li', { class: 'leg' }, h('h2', {}, 'Applied'), h('div', { class: 'model-legs' }, way.readModels.map(applied)))),
    h('div', { class: 'two' },
      panel('Payload', payload(event)),
      panel('What it changed in the state', changeList(way.changes, 20))),
    panel('Causes and effects', causes(way.causes), effects(event, way.effects, way.searched)),
    panel('Metadata', table('Metadata', [
      { title: 'Name', cell: ([name]) => value(name, { limit: 60 }) },
      { title: 'Value', wide: true, cell: ([, text]) => value(text, { limit: 120, mono: true }) },
    ], metadata(event), { empty: 'It has none.' })));
}

export { start as show };
