// Charts of lines, as SVG. A person moves over them by mouse or arrow keys; a screen reader gets a table of the same values.
import { h, s, show } from './dom.js';
import { largest, paths, places, ticks } from './scale.js';

const [height, bottom] = [140, 18];
// Up to so many points are marked: a single one would be no line.
const few = 32;

/** A small line without axes, for beside a figure. */
export function spark(points, label) {
  const size = { width: 120, height: 26, top: largest([points]) || 1 };
  const line = paths(points, size);
  return s('svg', { class: 'spark', viewBox: '0 -1 120 28', role: 'img', 'aria-label': label, preserveAspectRatio: 'none' },
    line && !line.slice(1).includes('M') ? s('path', { class: 'area', d: `${line}L120 26L0 26Z` }) : null,
    s('path', { class: 'line', d: line || 'M0 26' }));
}

/**
 * A chart that is brought up to date by `draw`.
 * @param title what it shows.
 * @param format writes a value.
 * @param clock writes a time; by default the time of day.
 * @returns `{ element, draw(times, series) }`; a series is `{ label, points }`.
 */
export function chart(title, format, clock = (time) => time.slice(11, 19)) {
  let shown = { times: [], series: [] };
  let place = null;
  // In pixels, so that text is as large as elsewhere.
  let [width, left] = [600, 52];
  const drawing = h('div', { class: 'drawing' });
  const legend = h('ul', { class: 'legend' });
  const data = h('div', { 'data-keep': '' });
  const details = h('details', { class: 'values', on: { toggle: tabulate } },
    h('summary', {}, 'Values as a table'), data);
  const element = h('figure', { class: 'chart' }, h('figcaption', {}, title), drawing, legend, details);

  new ResizeObserver(([entry]) => {
    width = Math.max(240, Math.round(entry.contentRect.width));
    draw();
  }).observe(drawing);

  function at(x) {
    const part = (x - left) / (width - left);
    return Math.min(Math.max(Math.round(part * (shown.times.length - 1)), 0), shown.times.length - 1);
  }

  function move(event) {
    if (shown.times.length === 0) return;
    const box = event.currentTarget.getBoundingClientRect();
    place = at(((event.clientX - box.left) / box.width) * width);
    draw();
  }

  function key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -12, PageDown: 12 };
    if (!(event.key in steps) || shown.times.length === 0) return;
    event.preventDefault();
    const last = shown.times.length - 1;
    place = Math.min(Math.max((place ?? last) + steps[event.key], 0), last);
    draw();
  }

  function leave() {
    place = null;
    draw();
  }

  function tabulate() {
    if (!details.open) return data.replaceChildren();
    const step = Math.max(1, Math.ceil(shown.times.length / 60));
    const indexes = shown.times.map((_, index) => index).filter((index) => index % step === 0);
    data.replaceChildren(h('div', { class: 'scroll short', tabindex: '0', role: 'region', 'aria-label': `${title}: values` },
      h('table', {}, h('caption', { class: 'unseen' }, title),
        h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Time'),
          shown.series.map(({ label }) => h('th', { scope: 'col', class: 'number' }, label)))),
        h('tbody', {}, indexes.reverse().map((index) => h('tr', {},
          h('th', { scope: 'row' }, clock(shown.times[index])),
          shown.series.map(({ points }) => h('td', { class: 'number' }, format(points[index])))))))));
  }

  function draw() {
    const { times, series } = shown;
    const last = times.length - 1;
    const index = Math.min(place ?? last, last);
    const marks = ticks(largest(series.map(({ points }) => points)));
    const top = marks.at(-1);
    left = 12 + 6.6 * Math.max(...marks.map((mark) => format(mark).length));
    const size = { width: width - left, height, top };
    const x = left + (last > 0 ? (index * size.width) / last : 0);
    const said = series.map(({ label, points }) => `${label} ${format(points[index])}`).join(', ');
    show(drawing, s('svg', {
      viewBox: `0 -6 ${width} ${height + bottom + 8}`, role: 'img', tabindex: '0',
      'aria-label': `${title} at ${index < 0 ? 'no time' : clock(times[index])}: ${said}. Arrow keys move in time.`,
      on: { pointermove: move, pointerleave: leave, keydown: key, blur: leave },
    },
    marks.map((mark) => {
      const y = height - (mark / top) * height;
      return [s('line', { class: 'rule', x1: left, x2: width, y1: y, y2: y }),
        s('text', { class: 'tick', x: left - 6, y: y + 4, 'text-anchor': 'end' }, format(mark))];
    }),
    places(times.length).map((tick) => s('text', {
      class: 'tick', x: left + (last > 0 ? (tick * size.width) / last : 0), y: height + 15,
      'text-anchor': tick === 0 ? 'start' : tick === last ? 'end' : 'middle',
    }, clock(times[tick]).replace(/^(\d\d:\d\d):\d\d$/, '$1'))),
    s('g', { transform: `translate(${left} 0)` }, series.map(({ points }, number) => [
      s('path', { class: `line line-${number % 6}`, d: paths(points, size) || 'M0 0' }),
      times.length > few ? null : points.map((point, tick) => (point === null || point === undefined ? null
        : s('circle', { class: `dot key-${number % 6}`, r: 3, cx: last > 0 ? (tick * size.width) / last : 0, cy: height - (point / top) * height }))),
    ])),
    place === null ? null : s('line', { class: 'cursor', x1: x, x2: x, y1: 0, y2: height })));
    show(legend, series.map(({ label, points }, number) => h('li', {},
      h('span', { class: `key key-${number % 6}`, 'aria-hidden': 'true' }), label, ' ',
      h('strong', {}, format(points[index])))),
    place === null ? null : h('li', { class: 'faint' }, clock(times[index])));
  }

  return {
    element,
    draw(times, series) {
      shown = { times, series };
      draw();
    },
  };
}
