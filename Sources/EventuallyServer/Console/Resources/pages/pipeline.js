// The picture of the pipeline: store, relay, topic, read models, with their rates. In a narrow window it stands upright.
import { h } from '../lib/dom.js';
import { age, brief, bytes, count, duration, rate } from '../lib/format.js';
import { spark } from '../lib/chart.js';
import { oldAfter } from '../lib/live.js';
import { link } from '../lib/router.js';
import { label, value } from '../lib/value.js';

function figure(name, text, kind = '') {
  return h('div', { class: `figure ${kind}` }, h('dt', {}, name), h('dd', {}, text));
}

function stage({ name, what, recent, said, figures, reported = 0, state = '', href }) {
  const isOld = reported > oldAfter;
  return h('li', { class: `stage ${state} ${isOld ? 'old' : ''}`, 'data-key': `stage-${name}` },
    h('div', { class: 'stage-head' },
      h('h3', {}, href ? h('a', { href }, label(name, { limit: 30 })) : name),
      h('p', {}, value(isOld ? `figures are ${duration(reported)} old` : what, { limit: 40 }))),
    recent ? spark(recent, said) : null, h('dl', {}, figures));
}

function readModel(model) {
  const parked = model.parkedStreams;
  const silent = model.workers.some(({ age: heard, isReplaced }) => heard > oldAfter && !isReplaced);
  const state = silent || parked ? 'wrong' : model.lag > 1000 ? 'warning' : '';
  return stage({
    name: model.name, href: link(['read-model', model.name]), state,
    what: model.generation === null ? 'not begun' : `generation ${model.generation} ${model.state}`,
    recent: model.recent, said: `applied by ${model.name} in the last minute`,
    figures: [
      figure('Applied', rate(model.rate)), figure('Lag', count(model.lag), model.lag > 1000 ? 'warning' : ''),
      figure('p99', duration(model.p99)), figure('Workers', String(model.workers.filter(({ age }) => age <= oldAfter).length)),
      figure('Parked', count(parked), parked ? 'wrong' : ''),
    ],
  });
}

/** The picture of a frame. */
export function pipeline({ store, relay, topic, readModels }) {
  return h('section', { class: 'pipeline', 'aria-label': 'Pipeline' },
    h('ol', { class: readModels.length > 5 ? 'stages many' : 'stages' },
      store && stage({
        name: 'Event store', what: store.bytes === null ? store.kind : `${store.kind}, ${bytes(store.bytes)}`, recent: store.recent, said: 'appended in the last minute', reported: store.age,
        figures: [
          figure('Appended', rate(store.rate)), figure('p99', duration(store.p99)), figure('Head', count(store.head)),
          figure('Streams', brief(store.streams)), figure('Conflicts', rate(store.conflicts)),
        ],
      }),
      relay && stage({
        name: 'Relay', what: [relay.publisher, relay.epoch && `epoch ${relay.epoch}`].filter(Boolean).join(', '), recent: relay.recent, said: 'published in the last minute', reported: relay.age,
        state: ['publishing', 'connecting', 'standby', null].includes(relay.phase) ? '' : 'wrong',
        figures: [
          figure('Published', rate(relay.rate)), figure('p99', duration(relay.p99)),
          figure('Backlog', count(relay.backlog), relay.backlog > 10_000 ? 'warning' : ''), figure('State', relay.phase ?? '–'),
        ],
      }),
      topic && stage({
        name: 'Topic', what: topic.name ?? '', reported: topic.age,
        figures: [
          figure('Partitions', count(topic.partitions)), figure('Records', brief(topic.records)), figure('Reported', age(topic.age)),
        ],
      }),
      h('li', { class: 'fan', 'data-key': 'fan' }, h('ul', { 'aria-label': 'Read models' }, readModels.map(readModel)))));
}
