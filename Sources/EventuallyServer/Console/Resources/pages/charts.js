// The last hour. The process keeps the points; this page gets those that it lacks.
import { h, show } from '../lib/dom.js';
import { chart } from '../lib/chart.js';
import { brief, clock, duration, rate } from '../lib/format.js';
import { follow } from '../lib/live.js';
import { note } from '../lib/router.js';
import { heading } from '../lib/page.js';
import { choice, field } from '../lib/table.js';

export const title = 'Charts';

const kept = 720;

const spans = [['720', 'the last hour'], ['180', 'the last 15 min'], ['60', 'the last 5 min']];

export function start(place, { about, query }) {
  const models = about.readModels;
  const [points, millisecond] = [brief, duration];
  // Each chart: its title, how values are written, and its series with their names in the ring.
  const plans = [
    ['Appended and published, events/s', rate, [['appended', 'append'], ['published', 'publish']]],
    ['Applied, events/s', rate, models.map((name) => [name, `${name}.apply`])],
    ['Lag, events', points, models.map((name) => [name, `${name}.lag`])],
    ['Append, how long it takes', millisecond, [['p50', 'append.p50'], ['p99', 'append.p99']]],
    ['Publish, until acknowledged', millisecond, [['p50', 'publish.p50'], ['p99', 'publish.p99']]],
    ['From append to applied, p99', millisecond, models.map((name) => [name, `${name}.p99`])],
  ].map(([name, format, series]) => ({ ...chart(name, format, undefined, true), line: series }));
  let times = [];
  let series = {};
  const known = spans.some(([points]) => points === query.points) ? query.points : spans[0][0];
  let span = Number(known);
  const since = h('p', { class: 'hint' });

  function draw() {
    show(since, times.length > 0 && times.length < span ? `Shown since ${clock(times[0])}: this process has no earlier points, it was started then.` : '');
    for (const plan of plans) {
      plan.draw(times.slice(-span), plan.line.map(([label, name]) => ({ label, points: (series[name] ?? []).slice(-span) })));
    }
  }

  const select = choice('span', spans, known, {
    change(event) {
      span = Number(event.target.value);
      note(['charts'], { points: span === kept ? '' : span });
      draw();
    },
  });
  show(place, heading(title, 'Each process keeps one hour in memory, a point every 5 s.', field('Show', select)), since,
    h('div', { class: 'charts' }, plans.map(({ element }) => element)));
  return follow('charts', {}, {
    points(frame) {
      // The whole ring: at first, and where the process was started again meanwhile.
      if (frame.all) [times, series] = [[], {}];
      times = [...times, ...frame.times].slice(-kept);
      for (const [name, values] of Object.entries(frame.series)) series[name] = [...(series[name] ?? []), ...values].slice(-kept);
      draw();
    },
  });
}

export { start as show };
