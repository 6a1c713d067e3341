// How far a replay is.
import { h, s } from '../lib/dom.js';
import { count, duration, rate } from '../lib/format.js';
import { facts } from '../lib/table.js';

function bar(done, text) {
  return s('svg', {
    class: 'bar', viewBox: '0 0 1000 10', preserveAspectRatio: 'none', role: 'progressbar', 'aria-label': 'Events applied',
    'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': String(Math.floor(done * 100)), 'aria-valuetext': text,
  },
  s('rect', { class: 'bar-back', width: 1000, height: 10 }),
  s('rect', { class: 'bar-done', width: Math.round(done * 1000), height: 10 }));
}

/** How far a replay is, in a bar and in words. */
export function progress({ applied, total, elapsed, rate: speed, state }) {
  const begins = total === 0 && state === 'applying';
  const done = begins ? 0 : total > 0 ? Math.min(applied / total, 1) : 1;
  const left = speed > 0 ? `about ${duration(((total - applied) / speed) * 1000)}` : 'not known yet';
  const text = begins ? 'it begins' : `${count(applied)} of ${count(total)} events, ${Math.floor(done * 100)} %`;
  return h('div', { class: 'stack close' }, bar(done, text), facts([
    ['Applied', text], ['Rate', rate(speed)], ['Running for', duration(elapsed)],
    state === 'applying' ? ['Left', left] : null,
  ]));
}
