// Charts of lines, as SVG. A person moves over them by mouse or arrow keys; a screen reader gets a table of the same values.
import { h, s, show } from './dom.js';
import { labelled, largest, nearest, paths, places, summary, ticks } from './scale.js';

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

/** Times of day without their seconds, where they can be told apart so. */
function shortened(texts) {
  const short = texts.map((text) => text.replace(/^(\d\d:\d\d):\d\d$/, '$1'));
  return new Set(short).size === short.length ? short : texts;
}

/**
 * A chart that is brought up to date by `draw`.
 * @param title what it shows.
 * @param format writes a value.
 * @param clock writes a time; by default the time of day.
 * @param hasSummary whether the legend has the average and the largest of what is shown.
 * @returns `{ element, draw(times, series) }`; a series is `{ label, points }`.
 */
export function chart(title, format, clock = (time) => time.slice(11, 19), hasSummary = false) {
  let shown = { times: [], series: [], placed: [] };
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

  function pointAt(x) {
    return nearest((x - left) / (width - left), shown.placed);
  }

  function move(event) {
    if (shown.times.length === 0) return;
    const box = event.currentTarget.getBoundingClientRect();
    place = pointAt(((event.clientX - box.left) / box.width) * width);
    draw();
  }

  function key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -12, PageDown: 12, Home: -Infinity, End: Infinity };
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

  function total(points) {
    const found = summary(points);
    return found && ` avg ${format(found.average)} · max ${format(found.most)}`;
  }

  function draw() {
    const { times, series, placed } = shown;
    const last = times.length - 1;
    const index = Math.min(place ?? last, last);
    const marks = ticks(largest(series.map(({ points }) => points)));
    const top = marks.at(-1);
    left = 12 + 6.6 * Math.max(...marks.map((mark) => format(mark).length));
    const size = { width: width - left, height, top };
    const at = (point) => (placed[point] ?? 0) * size.width;
    const x = left + at(index);
    const below = labelled(placed);
    const short = shortened(below.map((point) => clock(times[point])));
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
    below.map((point, number) => s('text', {
      class: 'tick', x: left + at(point), y: height + 15, 'text-anchor': point === 0 ? 'start' : point === last ? 'end' : 'middle',
    }, short[number])),
    s('g', { transform: `translate(${left} 0)` }, series.map(({ points }, number) => [
      s('path', { class: `line line-${number % 6}`, d: paths(points, size, placed) || 'M0 0' }),
      times.length > few ? null : points.map((point, tick) => (point === null || point === undefined ? null
        : s('circle', { class: `dot key-${number % 6}`, r: 3, cx: at(tick), cy: height - (point / top) * height }))),
    ])),
    place === null ? null : s('line', { class: 'cursor', x1: x, x2: x, y1: 0, y2: height })));
    show(legend, series.map(({ label, points }, number) => h('li', {},
      s('svg', { class: 'key', viewBox: '0 0 24 4', 'aria-hidden': 'true' }, s('path', { class: `line line-${number % 6}`, d: 'M1 2H23' })), label, ' ',
      h('strong', {}, format(points[index])), hasSummary ? h('span', { class: 'faint' }, total(points)) : null)),
    place === null ? null : h('li', { class: 'faint' }, clock(times[index])));
  }

  return {
    element,
    draw(times, series) {
      shown = { times, series, placed: places(times) };
      draw();
    },
  };
}
