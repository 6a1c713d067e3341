// The picture of the pipeline: store, relay, topic, read models, with their rates. In a narrow window it stands upright.
import { h } from '../lib/dom.js';
import { age, brief, bytes, count, duration, rate } from '../lib/format.js';
import { spark } from '../lib/chart.js';
import { oldAfter } from '../lib/live.js';
import { link } from '../lib/router.js';
import { label, value } from '../lib/value.js';
import { said } from '../lib/words.js';

function figure(name, text, kind = '', about = null) {
  return h('div', { class: `figure ${kind}`, title: about }, h('dt', {}, name), h('dd', {}, text));
}

function stage({ name, about, what, recent, alt, figures, reported = 0, state = '', href }) {
  const isOld = reported > oldAfter;
  return h('li', { class: `stage ${state} ${isOld ? 'old' : ''}`, 'data-key': `stage-${name}` },
    h('div', { class: 'stage-head' },
      h('h3', { title: about }, href ? h('a', { href }, label(name, { limit: 30 })) : name),
      h('p', {}, value(isOld ? `figures are ${duration(reported)} old` : what, { limit: 40 }))),
    recent ? spark(recent, alt) : null, h('dl', {}, figures));
}

function readModel(model, since) {
  const parked = model.parkedStreams;
  const silent = model.workers.some(({ age: heard, isReplaced }) => heard > oldAfter && !isReplaced);
  const state = silent || parked ? 'wrong' : model.lag > 1000 ? 'warning' : '';
  return stage({
    name: model.name, href: link(['read-model', model.name]), state,
    what: model.generation === null ? 'not begun' : `generation ${model.generation} ${model.state}`,
    recent: model.recent, alt: `applied by ${model.name} in the last minute`,
    figures: [
      figure('Applied', rate(model.rate)), figure('Lag', count(model.lag), model.lag > 1000 ? 'warning' : '', said.lag),
      figure('p99', duration(model.p99), '', said.p99), figure('Workers', since === null ? String(model.workers.filter(({ age }) => age <= oldAfter).length) : '–'),
      figure('Parked', count(parked), parked ? 'wrong' : '', said.parked),
    ],
  });
}

/** The picture of a frame; `since` is the time since when the process is silent, or null. */
export function pipeline({ store, relay, topic, readModels }, since) {
  return h('section', { class: 'pipeline', 'aria-label': 'Pipeline' },
    h('ol', { class: readModels.length > 5 ? 'stages many' : 'stages' },
      store && stage({
        name: 'Event store', what: store.bytes === null ? store.kind : `${store.kind}, ${bytes(store.bytes)}`, recent: store.recent, alt: 'appended in the last minute', reported: store.age,
        figures: [
          figure('Appended', rate(store.rate)), figure('p99', duration(store.p99), '', said.p99), figure('Last event', count(store.head), '', said.head),
          figure('Streams', brief(store.streams)), figure('Conflicts', rate(store.conflicts), '', said.conflicts),
        ],
      }),
      relay && stage({
        name: 'Relay', about: said.relay, what: [relay.publisher, relay.epoch && `epoch ${relay.epoch}`].filter(Boolean).join(', '), recent: relay.recent, alt: 'published in the last minute', reported: relay.age,
        state: ['publishing', 'connecting', 'standby', null].includes(relay.phase) ? '' : 'wrong',
        figures: [
          figure('Published', rate(relay.rate)), figure('p99', duration(relay.p99), '', said.p99),
          figure('Backlog', count(relay.backlog), relay.backlog > 10_000 ? 'warning' : '', said.backlog), figure('State', relay.phase ?? '–'),
        ],
      }),
      topic && stage({
        name: 'Topic', what: topic.name ?? '', reported: topic.age,
        figures: [
          figure('Partitions', count(topic.partitions)), figure('Records', brief(topic.records)), figure('Reported', age(topic.age)),
        ],
      }),
      h('li', { class: 'fan', 'data-key': 'fan' }, h('ul', { 'aria-label': 'Read models' }, readModels.map((model) => readModel(model, since))))));
}
