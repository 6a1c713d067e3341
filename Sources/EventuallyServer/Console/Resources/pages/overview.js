// The pipeline as it is now: what is wrong first, then the picture of it, read models by partition, workers, the latest events.
import { h, show } from '../lib/dom.js';
import { ago, brief, bytes, clock, count, counted, duration, percent, ranges, time } from '../lib/format.js';
import { oldAfter } from '../lib/live.js';
import { watchOverview } from '../lib/overview.js';
import { heading, panel } from '../lib/page.js';
import { link } from '../lib/router.js';
import { command } from '../lib/shell.js';
import { badge, table } from '../lib/table.js';
import { said } from '../lib/words.js';
import { copyButton, label, value } from '../lib/value.js';
import { announce } from '../lib/dialog.js';
import { fresh, reported } from './partitions.js';
import { pipeline } from './pipeline.js';

export const title = 'Overview';

const severities = { wrong: 'Wrong', warning: 'Warning', note: 'Note' };

function problem({ severity, what, why, todo, command: line, page, since }) {
  return h('li', { class: `problem ${severity}`, 'data-key': what.replace(/[0-9]+/g, '#') },
    badge(severities[severity], severity),
    h('div', { class: 'problem-text' },
      h('p', {}, h('strong', {}, value(what, { limit: 300 })), h('span', { class: 'faint' }, ` since ${time(since)}`)),
      h('p', {}, value(`${why}. ${todo}.`, { limit: 400 }))),
    h('div', { class: 'problem-do' },
      page ? h('a', { class: 'button', href: link(page.slice(0, 2), page[2] ? { view: page[2] } : {}) }, 'Open', h('span', { class: 'unseen' }, `: ${what}`)) : null,
      line ? h('details', { class: 'command' }, h('summary', {}, 'Command line'),
        h('div', {}, h('code', {}, command(...line)), copyButton(command(...line), 'the command line', announce))) : null));
}

/** What is wrong; while the process is silent, what was when it was heard last. */
function problems(list, since) {
  const wrong = list.filter(({ severity }) => severity !== 'note').length;
  const [one, more] = since === null ? ['thing is', 'things are'] : ['thing was', 'things were'];
  const number = wrong === 0 ? `Nothing ${since === null ? 'is' : 'was'}` : counted(wrong, one, more);
  const sentence = since === null ? `${number} wrong.` : `What is wrong now is not known. At ${clock(since)}: ${number.toLowerCase()} wrong.`;
  return h('section', { class: 'problems', 'aria-labelledby': 'problems-title' },
    h('h2', { id: 'problems-title', class: since !== null ? 'faint' : wrong ? 'bad' : 'good' }, sentence),
    list.length ? h('ul', {}, list.map(problem)) : null);
}

/** How a lag is marked: nothing, a little, or much. */
function level({ lag, worker }) {
  if (!worker) return 'none';
  if (lag >= 1000) return 'high';
  return lag >= 100 ? 'some' : 'low';
}

// Many partitions are marks without numbers.
const marks = { low: '', some: '·', high: '!', none: '–' };
const many = 16;

function partitions(models) {
  const all = models[0]?.partitions ?? [];
  const isDense = all.length > many;
  const row = (model) => h('tr', { 'data-key': model.name },
    h('th', { scope: 'row' }, h('a', { href: link(['read-model', model.name]) }, model.name)),
    h('td', { class: 'number', 'data-title': 'All' }, h('strong', {}, count(model.lag))),
    h('td', { class: 'number', 'data-title': 'Behind by' }, duration(model.lagMilliseconds)),
    model.partitions.map((partition) => {
      const words = `partition ${partition.partition}: lag ${count(partition.lag)}, epoch ${count(partition.epoch)}, `
        + (partition.worker ? `worker ${partition.worker}` : 'no worker');
      return h('td', { class: `cell ${level(partition)}`, title: words, 'data-title': String(partition.partition) },
        h('span', { 'aria-hidden': 'true' }, isDense ? marks[level(partition)] : brief(partition.lag)), h('span', { class: 'unseen' }, words));
    }));
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Lag by partition' },
    h('table', { class: isDense ? 'heat dense' : 'heat' }, h('caption', { class: 'unseen' }, 'Lag of each read model in each partition, in events'),
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Partition'),
        h('th', { scope: 'col', class: 'number' }, 'All'), h('th', { scope: 'col', class: 'number' }, 'Behind by'),
        all.map(({ partition }) => h('th', { scope: 'col', class: 'number' }, isDense && partition % 8 ? h('span', { class: 'unseen' }, String(partition)) : String(partition))))),
      h('tbody', {}, models.map(row))),
    h('p', { class: 'legend-line' }, h('span', { class: 'cell low' }, '< 100'), h('span', { class: 'cell some' }, '< 1,000'),
      h('span', { class: 'cell high' }, 'more'), h('span', { class: 'cell none' }, 'no worker')));
}

function processes(frame) {
  const rows = [
    ...frame.processes.map((process) => ({ ...process, does: process.kind })),
    ...frame.readModels.flatMap((model) => model.workers.map((worker) => ({ ...worker, does: `worker of ${model.name}` }))),
  ];
  const isOld = ({ age }) => age > oldAfter;
  return table('Processes', [
    { title: 'Process', cell: (row) => value(row.name, { limit: 40 }) },
    { title: 'Does', cell: (row) => value(row.does, { limit: 60 }) },
    { title: 'Partitions', cell: (row) => (row.partitions && !row.isReplaced ? ranges(row.partitions) || 'none' : '') },
    { title: 'Events/s', number: true, cell: (row) => (row.rate === undefined ? '' : brief(fresh(row, row.rate))) },
    { title: 'Batch', about: said.batch, number: true, cell: (row) => (row.batch ? count(fresh(row, row.batch)) : '') },
    { title: 'CPU', number: true, cell: (row) => percent(fresh(row, row.cpu)) },
    { title: 'Memory', number: true, cell: (row) => bytes(fresh(row, row.memory)) },
    { title: 'Reported', number: true, cell: reported },
  ], rows, { key: ({ name, does }) => `${does} ${name}`, mark: (row) => (isOld(row) ? 'old' : null) });
}

/** The newest events, each with the way to its own page. */
function latest(events) {
  return table('Latest events', [
    {
      title: 'Event', wide: true, cell: (row) => [h('a', { href: link(['event', row.id]) }, label(row.type, { limit: 40 })),
        h('div', { class: 'small' },
          h('a', { class: 'calm', href: link(['stream', row.stream]) }, label(row.stream, { limit: 40 })),
          h('span', { class: 'faint' }, ` v${count(row.version)}`))],
    },
    { title: 'Sequence', number: true, cell: (row) => count(row.sequenceNumber) },
    { title: 'Appended', number: true, cell: (row) => ago(row.time) },
  ], events, { key: ({ id }) => id });
}

export function start(place) {
  let wrong = null;
  show(place, heading(title), h('p', { class: 'loading' }, 'Loading …'));
  return watchOverview((frame, since) => {
    const now = frame.problems.filter(({ severity }) => severity === 'wrong').length;
    if (wrong !== null && now > wrong) announce(frame.problems[0].what, 'bad');
    wrong = now;
    const rate = frame.store && since === null ? ` · ${count(frame.store.rate)} events/s` : '';
    show(place,
      heading(title, null, h('p', { class: 'clock' }, `${clock(frame.time)}${rate}`)),
      problems(frame.problems, since), pipeline(frame, since), panel('Lag by partition', partitions(frame.readModels)),
      h('div', { class: 'lanes' }, panel('Processes', processes(frame)), panel('Latest events', latest(frame.latest))));
  });
}

export { start as show };
