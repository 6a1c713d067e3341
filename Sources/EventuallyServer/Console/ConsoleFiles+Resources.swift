// swift-format-ignore-file
// Written by deploy/console-resources from the files in Resources.

extension ConsoleFiles {
  /// The console's files by path.
  static let resources: [(path: String, text: StaticString)] = [
("frame.js", ##"""
// What is around every page: the name, the way to anything, the theme, who is signed in, and the list of pages.
import { h, show } from './lib/dom.js';
import { clock } from './lib/format.js';
import { link } from './lib/router.js';
import { goTo } from './lib/go-to.js';

const themes = { auto: 'dark or light as the system', dark: 'dark', light: 'light' };

function theme() {
  const kept = localStorage.getItem('theme');
  return kept in themes ? kept : 'auto';
}

function setTheme(name) {
  localStorage.setItem('theme', name);
  if (name === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
}

setTheme(theme());

/** Stands above the page while the process does not answer. */
export const outage = h('p', { class: 'outage', role: 'alert', hidden: true });

/** Tells how fresh the page's figures are; where the process is silent, since when, above the page. */
export function setFreshness({ state, since }) {
  const words = { live: 'Live', late: 'No news, waiting', waiting: 'No connection, trying again', paused: 'Paused' };
  const place = document.getElementById('freshness');
  if (place) {
    place.className = `freshness ${state}`;
    place.textContent = words[state] ?? '';
  }
  outage.hidden = since === null;
  outage.textContent = since === null ? '' : `Not known: no answer from ${location.host} since ${clock(since)}. What is shown is from before.`;
  document.documentElement.classList.toggle('silent', since !== null);
}

function search() {
  const input = h('input', {
    type: 'search', id: 'go-to', name: 'what', placeholder: 'Stream, event id or sequence number',
    'aria-label': 'Go to a stream, an event id or a sequence number', autocomplete: 'off', spellcheck: 'false', 'data-keep': '',
  });
  return h('form', { class: 'go-to', role: 'search', on: {
    submit(event) {
      event.preventDefault();
      const text = input.value.trim();
      input.value = '';
      input.blur();
      if (text) goTo(text);
    },
  } }, input, h('kbd', { 'aria-hidden': 'true' }, '/'));
}

/** The bar at the top. */
export function drawTop({ about, session, signIn, signOut }) {
  const button = h('button', {
    type: 'button', class: 'quiet theme', title: `Colours: ${themes[theme()]}`, 'aria-label': `Colours: ${themes[theme()]}. Change`,
    on: {
      click() {
        const names = Object.keys(themes);
        setTheme(names[(names.indexOf(theme()) + 1) % names.length]);
        drawTop({ about, session, signIn, signOut });
      },
    },
  }, { auto: '◐', dark: '☾', light: '☀' }[theme()]);
  const who = about.authentication === 'none'
    ? h('span', { class: 'who', title: 'The process was started without tokens' },
      about.mayChange ? 'No tokens' : 'Read only')
    : session
      ? [h('span', { class: 'who' }, session.name ?? 'unnamed', h('small', {}, session.role)),
        h('button', { type: 'button', class: 'quiet', on: { click: signOut } }, 'Sign out')]
      : h('button', { type: 'button', on: { click: signIn } }, 'Sign in');
  show(document.getElementById('top'),
    h('a', { class: 'name', href: '#/', 'aria-label': `${about.application}: overview` },
      h('img', { src: './icon.svg', alt: '', width: 22, height: 22 }), h('strong', {}, about.application),
      h('small', {}, about.process.kind)),
    search(), h('span', { id: 'freshness', class: 'freshness', role: 'status', 'data-keep': '' }), button, who);
}

/** The list of pages. */
export function drawSide(about, current) {
  const within = { stream: 'streams', event: 'streams', 'read-model': 'read-models' };
  const pages = [
    ['overview', 'Overview'], ['streams', 'Streams'], ['read-models', 'Read models'], ['parked', 'Parked'],
    ['charts', 'Charts'],
  ];
  const item = ([id, title]) => h('li', {}, h('a', {
    href: link([id]), 'aria-current': id === (within[current] ?? current) ? 'page' : null,
  }, title, id === 'parked' ? h('span', { id: 'parked-count', class: 'count', 'data-keep': '' }) : null));
  show(document.getElementById('side'), h('ul', {}, pages.map(item)),
    about.pages.length ? [h('p', { class: 'side-title', id: 'side-own' }, about.application),
      h('ul', { 'aria-labelledby': 'side-own' }, about.pages.map(({ id, title }) => item([id, title])))] : null,
    h('p', { class: 'side-foot' }, 'Times are in UTC', h('br'), `Version ${about.version}`,
      h('br'), h('button', { type: 'button', class: 'quiet', id: 'show-keys' }, 'Keys', h('kbd', {}, '?'))));
}

/** How many streams are parked, beside the page's name. */
export function setParkedCount(number) {
  const place = document.getElementById('parked-count');
  if (!place) return;
  place.textContent = number ? String(number) : '';
  place.setAttribute('aria-label', number ? `${number} parked streams` : '');
}

"""##),
("icon.svg", ##"""
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0d7d74"/><path d="M7 10h7M7 16h18M18 22h7" stroke="#fff" stroke-width="3" stroke-linecap="round"/></svg>

"""##),
("index.html", ##"""
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="dark light">
  <title>Console</title>
  <link rel="icon" href="icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="styles/base.css">
  <link rel="stylesheet" href="styles/parts.css">
  <link rel="stylesheet" href="styles/pages.css">
  <script type="module" src="main.js"></script>
</head>
<body>
  <a class="skip" href="#main">Skip to the page</a>
  <header class="top" id="top"></header>
  <nav class="side" id="side" aria-label="Pages"></nav>
  <main id="main" tabindex="-1"><p class="loading">Loading …</p></main>
  <div id="dialogs"></div>
  <div id="toasts" class="toasts"></div>
  <p id="announce" class="unseen" role="status" aria-live="polite"></p>
  <noscript>The console needs JavaScript. The same is told by the command line: <code>status --help</code>.</noscript>
</body>
</html>

"""##),
("keys.js", ##"""
// Keys that go somewhere. They do nothing while somebody writes, and can be turned off: speech input presses keys by accident.
import { dialog } from './lib/dialog.js';
import { h } from './lib/dom.js';
import { go } from './lib/router.js';

const pages = { o: 'overview', s: 'streams', r: 'read-models', p: 'parked', c: 'charts' };
let isAfterG = false;

function isOff() {
  return localStorage.getItem('keys') === 'off';
}

function help() {
  const line = (keys, what) => h('tr', {}, h('th', { scope: 'row' }, keys.split(' ').map((key) => h('kbd', {}, key))), h('td', {}, what));
  dialog('Keys', {
    close: 'Close',
    body: () => [
      h('table', { class: 'keys' }, h('caption', { class: 'unseen' }, 'Keys'), h('tbody', {},
        line('/', 'Go to a stream, an event or a sequence number'), line('?', 'This list'),
        Object.entries(pages).map(([key, page]) => line(`g ${key}`, page.replace('-', ' '))),
        line('← →', 'In a chart or a slider: move in time'))),
      h('label', { class: 'check' }, h('input', {
        type: 'checkbox', checked: !isOff(),
        on: { change: (event) => localStorage.setItem('keys', event.target.checked ? 'on' : 'off') },
      }), ' Use these keys'),
    ],
  });
}

/** Begins to listen. */
export function watchKeys() {
  document.addEventListener('click', (event) => {
    if (event.target.closest?.('#show-keys')) help();
  });
  document.addEventListener('keydown', (event) => {
    const isWriting = event.target.closest?.('input, textarea, select, dialog, [contenteditable]');
    if (isWriting || isOff() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '/') {
      event.preventDefault();
      document.getElementById('go-to')?.focus();
    } else if (event.key === '?') {
      help();
    } else if (isAfterG && event.key in pages) {
      go([pages[event.key]]);
    }
    isAfterG = event.key === 'g';
  });
}

"""##),
("lib/api.js", ##"""
// Asks the process. Whoever changes something sends the session's CSRF token; a refusal becomes an error with its message.

let csrf = null;
let signIn = null;

/** The token that requests which change something carry; null without a session. */
export function setCSRF(token) {
  csrf = token;
}

/** What to do where a session is needed: a function that returns whether there is one then. */
export function whenSignedOut(handler) {
  signIn = handler;
}

/** A refusal: what is wrong, and what it said beside that. */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `the process answered ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

/** A path with its parameters; those that are empty are left out. */
export function address(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== '') query.set(name, value);
  }
  const text = query.toString();
  return text ? `api/${path}?${text}` : `api/${path}`;
}

/** A part of a path. */
export function part(text) {
  return encodeURIComponent(String(text).toWellFormed()).replace(/^\.{1,2}$/, (dots) => dots.replaceAll('.', '%2E'));
}

async function send(method, url, body, signal) {
  const headers = { accept: 'application/json' };
  if (method !== 'GET') headers['x-csrf-token'] = csrf ?? '';
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response;
  try {
    response = await fetch(url, {
      method, headers, signal, credentials: 'same-origin',
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refusal(0, { detail: `no connection to ${location.host}: is the process running?` });
  }
  if (response.status === 204) return null;
  const isJSON = (response.headers.get('content-type') ?? '').includes('json');
  const answer = isJSON ? await response.json() : {};
  if (response.ok) return answer;
  throw new Refusal(response.status, answer);
}

async function ask(method, url, body, signal) {
  try {
    return await send(method, url, body, signal);
  } catch (error) {
    // Once: whoever has just signed in and is still refused has another problem.
    if (error.status === 401 && signIn && !url.endsWith('/session') && (await signIn())) {
      return send(method, url, body, signal);
    }
    // Without tokens, a process that was started again has another CSRF token.
    if (error.status === 403 && method !== 'GET') {
      const session = await send('GET', address('session'));
      if (session?.csrf && session.csrf !== csrf) {
        setCSRF(session.csrf);
        return send(method, url, body, signal);
      }
    }
    throw error;
  }
}

export const get = (path, parameters, signal) => ask('GET', address(path, parameters), undefined, signal);
export const post = (path, body = {}, parameters) => ask('POST', address(path, parameters), body);
export const remove = (path) => ask('DELETE', address(path));

"""##),
("lib/chart.js", ##"""
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

"""##),
("lib/dialog.js", ##"""
// Questions before something is changed. Each shows what will happen and the command line that does the same.
import { h, show } from './dom.js';
import { keepFocus, placeOf } from './focus.js';
import { copyButton } from './value.js';

const place = () => document.getElementById('dialogs');

/** Says something to whoever can't see it, and shows it for a while. */
export function announce(text, kind = '') {
  document.getElementById('announce').textContent = text;
  const toast = h('p', { class: `toast ${kind}` }, text);
  document.getElementById('toasts').append(toast);
  setTimeout(() => toast.remove(), 6000);
}

/**
 * A dialog with a form; the browser keeps the keyboard in it and gives the focus back, to what is next where its button is gone then.
 * @param body called with a function that shows the dialog anew; returns its elements.
 * @param submit called when the form is sent; the dialog closes when it returns, and stays with the error where it throws.
 * @returns what `submit` returned, or null where the dialog was closed.
 */
export function dialog(title, { body, action, submit, kind = '', close = 'Cancel' }) {
  return new Promise((resolve) => {
    let result = null;
    const content = h('div', { class: 'dialog-body' });
    const failure = h('p', { class: 'failure', role: 'alert', hidden: true });
    const button = action ? h('button', { class: `primary ${kind}`, type: 'submit' }, action) : null;
    const form = h('form', { method: 'dialog', on: { submit: send } },
      h('h2', { id: 'dialog-title' }, title), content, failure,
      h('div', { class: 'buttons' },
        h('button', { type: 'button', on: { click: () => box.close() } }, close), button));
    const box = h('dialog', { 'aria-labelledby': 'dialog-title', on: { close: end } }, form);
    const draw = () => show(content, body(draw));
    async function send(event) {
      event.preventDefault();
      if (!submit) return box.close();
      button.disabled = true;
      failure.hidden = true;
      try {
        result = (await submit(form)) ?? true;
        box.close();
      } catch (error) {
        failure.textContent = error.message;
        failure.hidden = false;
        // Somebody else was first: what is said above is not so any more.
        if (error.status === 404 || error.status === 409) {
          content.replaceChildren();
          button.hidden = true;
        }
      }
      button.disabled = false;
    }
    function end() {
      box.remove();
      if (result !== null) keepFocus(opener);
      resolve(result);
    }
    draw();
    const opener = placeOf(document.activeElement);
    place().append(box);
    box.showModal();
  });
}

/** The command line that does the same. */
export function equivalent(line) {
  return h('div', { class: 'equivalent' },
    h('p', {}, 'The same by command line'),
    h('div', {}, h('code', { tabindex: '0' }, line), copyButton(line, 'the command line', announce)));
}

/** Asks whether something is to be done. Returns what `submit` returned, or null. */
export function confirm(title, { what, line, action, submit, kind }) {
  return dialog(title, {
    action, kind, submit,
    body: () => [what.map((text) => (text instanceof Node ? text : h('p', {}, text))), line ? equivalent(line) : null],
  });
}

"""##),
("lib/dom.js", ##"""
// Makes elements, and brings those that are shown up to date. Text only ever becomes text: nothing here reads markup.
import { isOwnAddress, visible } from './safe.js';

const svgNamespace = 'http://www.w3.org/2000/svg';
const addresses = new Set(['href', 'src', 'action', 'formaction', 'xlink:href']);
// The handlers of each element, so that an element that stays can get those of the one that would have replaced it.
const handlers = new WeakMap();

function dispatch(event) {
  handlers.get(event.currentTarget)?.[event.type]?.(event);
}

function listen(element, name, handler) {
  const own = handlers.get(element) ?? {};
  handlers.set(element, own);
  if (!(name in own)) element.addEventListener(name, dispatch);
  own[name] = handler;
}

function set(element, name, value) {
  if (name === 'on') {
    for (const [event, handler] of Object.entries(value ?? {})) listen(element, event, handler);
  } else if (name === 'value' && 'value' in element) {
    element.value = value;
    element.setAttribute('value', value);
  } else if (value !== undefined && value !== null && value !== false) {
    if (/^on|^style$|^srcdoc$/i.test(name)) throw new Error(`the attribute ${name} can't be set`);
    if (addresses.has(name) && !isOwnAddress(String(value))) return;
    const text = value === true ? '' : String(value);
    element.setAttribute(name, addresses.has(name) || name === 'd' ? text : visible(text));
  }
}

function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : document.createTextNode(visible(child)));
  }
}

function make(element, rest) {
  const [first, ...others] = rest;
  const isAttributes = first && typeof first === 'object' && !Array.isArray(first) && !(first instanceof Node);
  if (isAttributes) for (const [name, value] of Object.entries(first)) set(element, name, value);
  append(element, isAttributes ? others : rest);
  return element;
}

/**
 * An element: `h('a', { href: '#/', on: { click } }, 'text', element, [more])`.
 * Nothing is made of children that are null or false. `on` has handlers; other attributes are texts, `true` for those without a value.
 */
export function h(tag, ...rest) {
  return make(document.createElement(tag), rest);
}

/** An element of a drawing. */
export function s(tag, ...rest) {
  return make(document.createElementNS(svgNamespace, tag), rest);
}

/** Lines that stay lines, where the text is visible already. */
export function lines(tag, attributes, text) {
  const element = h(tag, attributes);
  element.textContent = text;
  return element;
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.getAttribute('data-key') : null;
}

function fits(old, next) {
  return old.nodeType === next.nodeType && old.nodeName === next.nodeName && keyOf(old) === keyOf(next);
}

/**
 * Makes `old` look like `next` and keeps what is there: focus, selection, scroll positions, and what a person opened survive.
 * An element with `data-keep` has a state of its own; it stays as long as its key is the same.
 */
export function update(old, next) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  if (old.hasAttribute('data-keep') && next.hasAttribute('data-keep')) return;
  for (const { name } of [...old.attributes]) {
    const isOpened = name === 'open' || (name === 'value' && old === document.activeElement);
    if (!next.hasAttribute(name) && !isOpened) old.removeAttribute(name);
  }
  for (const { name, value } of [...next.attributes]) {
    if (name === 'open' || (name === 'value' && old === document.activeElement)) continue;
    if (old.getAttribute(name) !== value) {
      old.setAttribute(name, value);
      if (name === 'value' && 'value' in old) old.value = value;
    }
  }
  // What a person has clicked is told by the page, which knows it already.
  if (old.type === 'checkbox') old.checked = next.checked;
  for (const [name, handler] of Object.entries(handlers.get(next) ?? {})) listen(old, name, handler);
  updateChildren(old, [...next.childNodes]);
}

function updateChildren(parent, next) {
  const keyed = new Map([...parent.childNodes].filter(keyOf).map((node) => [keyOf(node), node]));
  let place = parent.firstChild;
  for (const node of next) {
    const same = keyOf(node) ? keyed.get(keyOf(node)) : place;
    if (same && fits(same, node)) {
      if (same === place) place = place.nextSibling;
      else parent.insertBefore(same, place);
      update(same, node);
    } else {
      parent.insertBefore(node, place);
    }
  }
  while (place) {
    const following = place.nextSibling;
    place.remove();
    place = following;
  }
}

/** Brings the children of an element up to date. */
export function show(parent, ...children) {
  const next = document.createElement('div');
  append(next, children);
  updateChildren(parent, [...next.childNodes]);
}

"""##),
("lib/focus.js", ##"""
// Where the focus goes when what had it is gone: to the same row if it is made anew, else to the next one.

const rowOf = (element) => element.closest('[data-key]:is(tr, li)') ?? element.closest('tr, li');
const selector = 'button:not([disabled]), a[href], input:not([disabled])';

/** What is to be known of an element's place while it is there. */
export function placeOf(element) {
  const row = rowOf(element);
  const keys = [row, row?.nextElementSibling, row?.previousElementSibling].map((near) => near?.getAttribute('data-key')).filter(Boolean);
  return { element, keys, panel: element.closest('.panel')?.getAttribute('data-key') };
}

function find({ keys, panel }) {
  const box = panel ? document.querySelector(`[data-key="${CSS.escape(panel)}"]`) : null;
  const rows = keys.map((key) => document.querySelector(`tr[data-key="${CSS.escape(key)}"]`)).filter(Boolean);
  const targets = rows.map((row) => row.querySelector('.buttons button, button') ?? row.querySelector(selector));
  return targets.find(Boolean) ?? box?.querySelector(selector) ?? box?.querySelector('[tabindex="0"]')
    ?? document.querySelector('main [role="tab"][aria-selected="true"]') ?? document.getElementById('main');
}

/** Sees for a while that the focus is not lost: a page is drawn anew some time after a change. */
export function keepFocus(place) {
  const until = Date.now() + 4000;
  let own = place.element;
  const timer = setInterval(() => {
    const now = document.activeElement;
    const isLost = !now || now === document.body;
    // Whoever has gone on is not called back.
    if (Date.now() > until || (!isLost && now !== own)) return clearInterval(timer);
    if (!isLost) return;
    own = find(place);
    own?.focus();
  }, 50);
}

"""##),
("lib/format.js", ##"""
// Numbers, times and sizes as text. Pure functions.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** `12,345`; a dash where it is not known. */
export function count(number) {
  return number === null || number === undefined ? '–' : whole.format(number);
}

/** A count for a narrow place: `12.3 k`. */
export function brief(number) {
  if (number === null || number === undefined) return '–';
  for (const [limit, unit] of [[1e9, ' G'], [1e6, ' M'], [1e4, ' k']]) {
    if (Math.abs(number) >= limit) return one.format(number / (unit === ' k' ? 1e3 : limit)) + unit;
  }
  return Math.abs(number) < 10 ? one.format(number) : whole.format(number);
}

/** A count with its noun: `1 event`, `2 events`. */
export function counted(number, noun, plural = `${noun}s`) {
  return `${count(number)} ${number === 1 ? noun : plural}`;
}

/** A whole number of the last decimal, as a decimal number: `amount(12345, 4)` is 1.2345. */
export function amount(number, decimals) {
  return (number / 10 ** decimals).toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: decimals });
}

/** A rate by the second. */
export function rate(number) {
  return number === null || number === undefined ? '–' : `${brief(number)}/s`;
}

/** A share of a core: `12 %`. */
export function percent(number) {
  return number === null || number === undefined ? '–' : `${whole.format(number)} %`;
}

/** A duration of so many milliseconds, in two digits or so. */
export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return '–';
  const ms = Math.abs(milliseconds);
  if (ms === 0) return '0 ms';
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${one.format(ms)} ms`;
  if (ms < 1000) return `${whole.format(ms)} ms`;
  if (ms < 10_000) return `${one.format(ms / 1000)} s`;
  if (ms < 120_000) return `${whole.format(ms / 1000)} s`;
  if (ms < 7_200_000) return `${whole.format(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${whole.format(ms / 3_600_000)} h`;
  return `${whole.format(ms / 86_400_000)} days`;
}

/** A size: `1.2 MB`. */
export function bytes(number) {
  if (number === null || number === undefined) return '–';
  for (const [limit, unit] of [[2 ** 30, 'GB'], [2 ** 20, 'MB'], [2 ** 10, 'KB']]) {
    if (number >= limit) return `${one.format(number / limit)} ${unit}`;
  }
  return `${number} B`;
}

/** The time of day with milliseconds, of today; with the date where it is another day. In UTC, as logs have it. */
export function time(text, now = Date.now()) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return '–';
  const iso = date.toISOString();
  const isToday = iso.slice(0, 10) === new Date(now).toISOString().slice(0, 10);
  return isToday ? iso.slice(11, 23) : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
}

/** The time of day to the second, with its zone: `19:43:04 UTC`. */
export function clock(time) {
  return `${new Date(time).toISOString().slice(11, 19)} UTC`;
}

/** How old a figure of so many milliseconds is: `now`, `3 s ago`. */
export function age(milliseconds) {
  return milliseconds < 1000 ? 'now' : `${duration(milliseconds)} ago`;
}

/** How long ago: `3 s ago`. */
export function ago(text, now = Date.now()) {
  const date = new Date(text).getTime();
  if (Number.isNaN(date)) return '–';
  return age(now - date);
}

/** Whole numbers in their order, with what is next to each other as a range: `0–3 7`. */
export function ranges(numbers) {
  const found = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last && last[1] + 1 === number) last[1] = number;
    else found.push([number, number]);
  }
  return found.map(([first, last]) => (first === last ? `${first}` : last === first + 1 ? `${first} ${last}` : `${first}–${last}`)).join(' ');
}

/** An id that fits a narrow place: its beginning and its end. */
export function shortID(id) {
  return id.length > 20 ? `${id.slice(0, 8)}…${id.slice(-6)}` : id;
}

"""##),
("lib/freshness.js", ##"""
// How fresh what is shown is: as fresh as the worst of the streams that are followed.

// Shorter than this, a connection that is lost is nobody's trouble.
const patience = 2000;
const order = ['waiting', 'late', 'opening', 'paused', 'live'];

const streams = new Set();
const watchers = new Set();
let waiting = [];
let lastHeard = Date.now();
let shown = { state: '', since: null };

/** A stream begins: nothing is known of it yet. */
export function enter() {
  const stream = { state: 'opening' };
  streams.add(stream);
  return stream;
}

export function leave(stream) {
  streams.delete(stream);
  look();
}

/** Notes what a stream does: `opening`, `late`, `waiting` or `paused`. */
export function tell(stream, state) {
  // An event after the stream's end is of no page.
  if (!streams.has(stream)) return;
  // Silence is counted from when somebody listens again.
  if (stream.state === 'paused' && state === 'opening') lastHeard = Date.now();
  else if (state === 'opening') return;
  stream.state = state;
  look();
}

/** A stream has news, be it that it lives. */
export function heard(stream) {
  lastHeard = Date.now();
  tell(stream, 'live');
}

function now() {
  const states = [...streams].map(({ state }) => state);
  const state = order.find((name) => states.includes(name)) ?? '';
  const isLost = state === 'waiting' || state === 'late';
  // While another stream lives, the process does.
  const isSilent = isLost && Date.now() - lastHeard >= patience && !states.includes('live');
  return { state, since: isSilent ? lastHeard : null };
}

function look() {
  const next = now();
  if (next.state === shown.state && next.since === shown.since) return;
  shown = next;
  for (const watcher of watchers) watcher(next);
  if (next.state !== 'live') return;
  const acts = waiting;
  waiting = [];
  for (const act of acts) act();
}

setInterval(look, 500);

/** Calls `watcher` with `{ state, since }` when that changes; `since` is the time, in milliseconds, since when the process is silent, or null. */
export function watchFreshness(watcher) {
  watchers.add(watcher);
  watcher(shown);
  return () => watchers.delete(watcher);
}

/** Acts when the process is heard again. */
export function onceBack(act) {
  waiting.push(act);
}

"""##),
("lib/go-to.js", ##"""
// From a text that somebody types to the page of what it names.
import { get } from './api.js';
import { announce } from './dialog.js';
import { go } from './router.js';

/** What a text names. Pure. */
export function kindOf(text) {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return 'event';
  if (/^[0-9]{1,18}$/.test(text)) return 'sequence';
  return 'stream';
}

/** Goes to the event or the stream; to the list of streams where there is none of exactly that name. */
export async function goTo(text) {
  const kind = kindOf(text);
  if (kind === 'event') return go(['event', text.toLowerCase()]);
  try {
    const { streams, event } = await get('find', { [kind]: text });
    if (event) return go(['event', event]);
    if (streams?.[0] === text) return go(['stream', text]);
    go(['streams'], { prefix: text });
  } catch (error) {
    announce(error.message, 'bad');
  }
}

"""##),
("lib/json.js", ##"""
// JSON, with what an event changed in it. Objects and arrays of many members are shown in steps.
import { h } from './dom.js';
import { cut } from './safe.js';
import { label, value } from './value.js';

const members = 50;

/** What is known beside the value, by path: `changes` has what changed, `masked` what may not be shown. */
function notes(changes, masked) {
  return { changes: new Map(changes.map((change) => [change.path, change])), masked: new Set(masked) };
}

function scalar(item) {
  if (typeof item === 'string') return value(item, { limit: 200 });
  return h('span', { class: 'json-word' }, String(item));
}

const mask = () => h('span', { class: 'badge', title: 'Shown to administrators only' }, 'masked');

function isBranch(item) {
  return item !== null && typeof item === 'object' && Object.keys(item).length > 0;
}

/** The beginning of what is in an object, so that few have to be opened. */
function preview(item) {
  const text = Object.values(item).filter((member) => !isBranch(member)).slice(0, 4).map(String).join(' · ');
  return cut(text, 60).text;
}

function path(parent, name, isArray) {
  if (isArray) return `${parent}[${name}]`;
  return parent ? `${parent}.${name}` : name;
}

/** The names of the members of a value that are not in it, since the reader may not see them. */
function hidden(where, known) {
  const start = where ? `${where}.` : '';
  return [...known.masked].filter((at) => at.startsWith(start)).map((at) => at.slice(start.length)).filter((name) => name && !/[.[]/.test(name));
}

function list(item, where, known, depth) {
  const isArray = Array.isArray(item);
  const entries = [...Object.entries(item), ...hidden(where, known).map((name) => [name, null])];
  const box = h('ul', { class: 'json' });
  let shown = 0;
  const button = h('button', { class: 'more', type: 'button', on: { click: add } });
  function add() {
    box.append(...entries.slice(shown, shown + members).map(([name, member]) =>
      line(isArray ? `[${name}]` : name, member, path(where, name, isArray), known, depth + 1)));
    shown += members;
    button.hidden = shown >= entries.length;
    button.textContent = `show more (${entries.length - shown} left)`;
  }
  add();
  return [box, button];
}

function line(name, item, at, known, depth) {
  const change = known.changes.get(at);
  const title = h('span', { class: 'json-name' }, label(name, { limit: 60 }));
  if (known.masked.has(at)) return h('li', {}, title, ' ', mask());
  if (!isBranch(item)) {
    const shown = item !== null && typeof item === 'object' ? h('span', { class: 'json-word' }, Array.isArray(item) ? '[ ]' : '{ }') : scalar(item);
    return h('li', { class: change ? 'changed' : null }, title, ' ', shown,
      change ? h('span', { class: 'was' }, change.before === undefined ? ' new' : [' was ', scalar(text(change.before))]) : null);
  }
  const size = Object.keys(item).length;
  const isChanged = [...known.changes.keys()].some((key) => key.startsWith(at));
  const details = h('details', { 'data-keep': '', open: (isChanged && depth < 8) || (depth < 2 && size <= 12) },
    h('summary', {}, title, h('span', { class: 'faint' }, Array.isArray(item) ? ` ${size} elements ` : ' '),
      h('span', { class: 'preview' }, preview(item))));
  // Made when it is opened: a state may have thousands of lines.
  function fill() {
    if (details.open && details.children.length === 1) details.append(h('div', {}, list(item, at, known, depth)));
  }
  details.addEventListener('toggle', fill);
  fill();
  return h('li', {}, details);
}

/**
 * A JSON value.
 * @param changes what changed in it: `[{path, before, after}]`; the paths are those of the command line's `history`.
 * @param masked the paths of what the reader may not see; it is not in the value either.
 */
export function json(item, changes = [], masked = []) {
  if (!isBranch(item) && masked.length === 0) return h('p', {}, item !== null && typeof item === 'object' ? 'It is empty.' : scalar(item));
  return h('div', { class: 'json-box' }, list(item ?? {}, '', notes(changes, masked), 0));
}

/** What an event changed, a line each. */
export function changeList(changes, limit = 6) {
  if (changes.length === 0) return h('p', { class: 'faint' }, 'changes nothing of the state');
  const change = ({ path: at, before, after, masked }) => h('li', {},
    h('span', { class: 'mono faint' }, value(at, { limit: 60 })), ' ',
    masked ? mask() : [
      before === undefined ? null : h('del', {}, value(text(before), { limit: 60 })),
      before === undefined || after === undefined ? null : ' → ',
      after === undefined ? null : h('ins', {}, value(text(after), { limit: 60 })),
    ]);
  const left = changes.length - limit;
  return h('ul', { class: 'changes' }, changes.slice(0, limit).map(change),
    left > 0 ? h('li', { class: 'faint' }, `and ${left} more`) : null);
}

/** A value as text. */
export function text(item) {
  return typeof item === 'string' ? item : JSON.stringify(item);
}

"""##),
("lib/live.js", ##"""
// Streams of Server-Sent Events. The browser resumes them by Last-Event-ID; this tells how fresh they are, and pauses while nobody looks.
import { address, get } from './api.js';
import { enter, heard as hears, leave, tell as tells } from './freshness.js';

/** Older than this, in milliseconds, figures are called old: whoever reports does so twice a second. */
export const oldAfter = 2000;

// A stream has an event at least every two seconds, be it `beat`: a process may hang with its connections open.
const lateAfter = 5000;

/**
 * Follows a stream.
 * @param path the route, under `api/`.
 * @param parameters its query.
 * @param on handlers by the event's name, each called with the event's JSON.
 * @returns a function that ends it.
 */
export function follow(path, parameters, on) {
  let source = null;
  let last = null;
  let delay = 1000;
  let timer = null;
  let isEnded = false;
  let lateness = null;
  const stream = enter();
  const tell = (state) => tells(stream, state);

  function heard() {
    hears(stream);
    clearTimeout(lateness);
    lateness = setTimeout(() => tell('late'), lateAfter);
  }

  function open() {
    // A stream that is opened anew does not send the header by itself.
    const resumed = last === null ? parameters : { ...parameters, lastEventID: last };
    tell('opening');
    source = new EventSource(address(path, resumed));
    source.onopen = () => {
      delay = 1000;
      heard();
    };
    source.onerror = () => {
      clearTimeout(lateness);
      tell('waiting');
      // A refusal closes it for good; a broken connection is opened again by the browser.
      if (source?.readyState === EventSource.CLOSED) {
        close();
        timer = setTimeout(again, delay);
        delay = Math.min(delay * 2, 15_000);
      }
    };
    source.addEventListener('beat', heard);
    for (const [name, handler] of Object.entries(on)) {
      source.addEventListener(name, (event) => {
        heard();
        last = event.lastEventId || last;
        handler(JSON.parse(event.data));
      });
    }
  }

  // The browser does not tell why a stream was refused. A question that is refused for want of a session asks for one.
  async function again() {
    try {
      await get(path, parameters);
      if (!isEnded && !source) look();
    } catch {
      if (!isEnded && !source) timer = setTimeout(again, delay);
    }
  }

  function close() {
    source?.close();
    source = null;
    clearTimeout(timer);
    clearTimeout(lateness);
  }

  function look() {
    if (document.hidden) {
      close();
      tell('paused');
    } else if (!source) {
      open();
    }
  }

  document.addEventListener('visibilitychange', look);
  look();
  return () => {
    isEnded = true;
    document.removeEventListener('visibilitychange', look);
    close();
    leave(stream);
  };
}

"""##),
("lib/overview.js", ##"""
// The pipeline's frames: one stream for the frame around pages and for the pages that show them.
import { watchFreshness } from './freshness.js';
import { follow } from './live.js';

const watchers = new Set();
let last = null;
let end = null;
let aging = null;

/** The frame as it looks so many milliseconds later, where nothing was heard since. Pure. */
export function aged(frame, milliseconds) {
  const older = (part) => part && { ...part, age: part.age + milliseconds };
  return {
    ...frame, store: older(frame.store), relay: older(frame.relay), topic: older(frame.topic), processes: frame.processes.map(older),
    readModels: frame.readModels.map((model) => ({ ...model, workers: model.workers.map(older) })),
  };
}

function tell(frame, since) {
  for (const watcher of [...watchers]) watcher(frame, since);
}

/** Begins to follow, where that was not begun yet. */
export function beginOverview() {
  end ??= follow('overview', {}, {
    overview(frame) {
      last = { frame, at: Date.now() };
      tell(frame, null);
    },
  });
}

export function endOverview() {
  end?.();
  [end, last] = [null, null];
}

watchFreshness(({ since }) => {
  clearInterval(aging);
  const age = () => last && tell(aged(last.frame, Date.now() - last.at), since);
  if (since === null) return;
  age();
  aging = setInterval(age, 1000);
});

/**
 * Calls `watcher` with each frame, at once with the one that is there. While the process is silent, it is called once a second with the last frame, grown older, and
 * the time since when.
 * @returns a function that ends it.
 */
export function watchOverview(watcher) {
  watchers.add(watcher);
  // What was heard some time ago is no answer to a page that is opened now.
  if (last && Date.now() - last.at < 3000) watcher(last.frame, null);
  return () => watchers.delete(watcher);
}

"""##),
("lib/page.js", ##"""
// What pages are made of: headings, panels, and what is shown while something is asked for or could not be had.
import { h, show } from './dom.js';
import { onceBack } from './freshness.js';

let failures = 0;

/** The head of a page. */
export function heading(title, lead, ...beside) {
  return h('div', { class: 'heading' },
    h('div', {}, h('h1', {}, title), lead ? h('p', { class: 'lead' }, lead) : null),
    beside.length ? h('div', { class: 'beside' }, beside) : null);
}

/** A part of a page with a title. */
export function panel(title, ...content) {
  return h('section', { class: 'panel', 'data-key': `panel-${title}` }, h('h2', {}, title), content);
}

/** What is said where something can't be shown. Where the process did not answer, it is asked again when it is back. */
export function failure(error, again) {
  failures += 1;
  // Of its own, so that it is this one that is shown, and not an earlier one like it.
  const place = h('div', { class: 'failure', role: 'alert', 'data-key': `failure-${failures}` }, h('p', {}, error.message),
    again ? h('button', { type: 'button', on: { click: again } }, 'Try again') : null);
  if (again && error.status === 0) onceBack(() => place.isConnected && again());
  return place;
}

/** Shows in `place` what `ask` comes to; says that it is asked for where that takes longer than a moment. */
export async function load(place, ask, draw) {
  const timer = setTimeout(() => {
    if (!place.firstChild) show(place, h('p', { class: 'loading' }, 'Loading …'));
  }, 200);
  try {
    const answer = await ask();
    show(place, draw(answer));
  } catch (error) {
    if (error.name !== 'AbortError') show(place, failure(error, () => load(place, ask, draw)));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A button.
 * @param what is said to screen readers beside the text, where several buttons have the same.
 * @param kind `primary`, `quiet`, `danger`, or several of them.
 */
export function button(text, act, { what, kind } = {}) {
  return h('button', { type: 'button', class: kind, on: { click: act } }, text,
    what ? h('span', { class: 'unseen' }, ` ${what}`) : null);
}

"""##),
("lib/router.js", ##"""
// Addresses of pages: `#/streams/order%2F7?version=3`. Pure but for `go` and `replace`.

/** The parts and the parameters of an address. What can't be decoded stands for itself. */
export function read(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const parts = path.split('/').filter((part) => part !== '').map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { parts, query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The address of a page. */
export function link(parts, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== '') query.set(name, value);
  }
  const text = query.toString();
  return `#/${parts.map((part) => encodeURIComponent(String(part).toWellFormed())).join('/')}${text ? `?${text}` : ''}`;
}

/** Goes to a page. */
export function go(parts, parameters) {
  location.hash = link(parts, parameters);
}

/** Notes what a page shows in its address, so that a reload and a copied link show the same; no page is left. */
export function note(parts, parameters) {
  history.replaceState(history.state, '', link(parts, parameters));
}

/** What was kept of this step of the history: empty where it was not left before. */
export function kept() {
  return history.state ?? {};
}

/** Keeps something with this step of the history, for whoever comes back to it. */
export function keep(values) {
  history.replaceState({ ...history.state, ...values }, '');
}

"""##),
("lib/safe.js", ##"""
// Text from outside, made safe to look at. Pure functions: no document.

// Controls, line and paragraph separators, bidi controls, invisible spaces, tags, and halves of surrogate pairs.
const unseen =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|[\ud800-\udfff]/gu;
// Joiners belong to Persian words and to emoji; beside ASCII they only hide a difference between two ids.
const joiners = /(?<![^\u0000-\u007f])[\u200c\u200d]|[\u200c\u200d](?![^\u0000-\u007f])/gu;
const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0' };

function escape(character) {
  return short[character] ?? `\\u{${character.codePointAt(0).toString(16).toUpperCase()}}`;
}

/** The text with all that can't be seen, or that changes the order of what is seen, as escapes. */
export function visible(text) {
  // Most text is like this.
  if (/^[\u0020-\u007e]*$/.test(text)) return String(text);
  return String(text).replace(unseen, escape).replace(joiners, escape);
}

/** The same, for text of several lines: line ends and tabs stay. */
export function visibleLines(text) {
  return String(text).split('\n').map((line) => line.split('\t').map(visible).join('\t')).join('\n');
}

/** The beginning of a text, at most `limit` UTF-16 units, never half a character; and how many are left. */
export function cut(text, limit) {
  if (text.length <= limit) return { text, left: 0 };
  const last = text.charCodeAt(limit - 1);
  const end = last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit;
  return { text: text.slice(0, end), left: text.length - end };
}

/** Whether a link may lead there: within the console, or to a path of the same server. */
export function isOwnAddress(address) {
  return /^(#|\.?\/(?![/\\])|[a-z]+\/)/i.test(address) && !/[\u0000-\u0020\\]/.test(address);
}

"""##),
("lib/scale.js", ##"""
// Scales of charts. Pure functions.

/** A round number at or above `top`: a few times a power of ten, of which a quarter is round enough too. */
export function roundTop(top) {
  if (!(top > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(top));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((limit) => limit >= top * 0.999);
}

function evenly(count) {
  return Array.from({ length: count }, (_, index) => (count < 2 ? 0 : index / (count - 1)));
}

/** Where points stand between 0 and 1: by their times, or one after another where they have none. */
export function places(times) {
  const moments = times.map((time) => Date.parse(time));
  const [first, last] = [moments[0], moments.at(-1)];
  const isTime = last > first && moments.every((moment, index) => index === 0 || moment >= moments[index - 1]);
  return isTime ? moments.map((moment) => (moment - first) / (last - first)) : evenly(times.length);
}

/** The index of the place that is next to a part between 0 and 1. */
export function nearest(part, placed) {
  let found = 0;
  placed.forEach((place, index) => {
    if (Math.abs(place - part) < Math.abs(placed[found] - part)) found = index;
  });
  return found;
}

/** Where lines go across a chart: five values from 0 to a round top. */
export function ticks(top) {
  const limit = roundTop(top);
  return [0, 0.25, 0.5, 0.75, 1].map((part) => part * limit);
}

/** Which points have their times written below them: five at most, the first and the last, and none so near to another that they overlap. */
export function labelled(placed) {
  if (placed.length === 0) return [];
  const last = placed.length - 1;
  const between = [...new Set([0, 0.25, 0.5, 0.75].map((part) => nearest(part, placed)))];
  const kept = between.filter((index, number) => number === 0 || placed[index] - placed[between[number - 1]] > 0.18);
  return [...kept.filter((index) => index === 0 || 1 - placed[index] > 0.18), ...(last > 0 ? [last] : [])];
}

/** The average and the largest of the points that are known; null where none is. */
export function summary(points) {
  const known = points.filter((value) => value !== null && value !== undefined);
  if (known.length === 0) return null;
  return { average: known.reduce((sum, value) => sum + value, 0) / known.length, most: Math.max(...known) };
}

/**
 * The runs of points that are known, as paths.
 * @param points numbers, `null` for what is not known: a line has a gap there.
 * @param placed where the points stand, between 0 and 1; evenly where that is not said.
 */
export function paths(points, { width, height, top }, placed = evenly(points.length)) {
  const x = (index) => (placed[index] ?? 1) * width;
  const y = (value) => height - (Math.min(value, top) / top) * height;
  const runs = [];
  points.forEach((value, index) => {
    if (value === null || value === undefined) return;
    if (index === 0 || points[index - 1] === null || points[index - 1] === undefined) runs.push([]);
    runs.at(-1).push(`${x(index).toFixed(1)} ${y(value).toFixed(1)}`);
  });
  // Of a single point the line has no length, and shows as a dot by its round ends.
  return runs.map((run) => `M${run.join('L')}${run.length === 1 ? 'h0' : ''}`).join('');
}

/** The largest of some series; 0 where nothing is known. */
export function largest(series) {
  let top = 0;
  for (const points of series) for (const value of points) if (value > top) top = value;
  return top;
}

"""##),
("lib/shell.js", ##"""
// The command line that does the same as a click. Pure.
import { visible } from './safe.js';

let program = 'admin';
let flags = {};

/** How administrators call the command line. */
export function setProgram(name) {
  program = name;
}

/** The flags with which commands look at what this process looks at: `data` for those about store and read models, `topic`. */
export function setFlags(given) {
  flags = given ?? {};
}

function word(text) {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text)) return text;
  // What can't be seen is written as bash's $'…' has it, so that the line can be copied and means the same.
  if (visible(text) !== text) {
    const escaped = [...text].map((character) => {
      if (character === "'" || character === '\\') return `\\${character}`;
      if (visible(character) === character) return character;
      return `\\U${character.codePointAt(0).toString(16).padStart(8, '0')}`;
    });
    return `$'${escaped.join('')}'`;
  }
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A command with its arguments, quoted for a shell. */
export function command(...words) {
  return [program, ...words, ...(flags[words[0] === 'topic' ? 'topic' : 'data'] ?? [])].filter((text) => text !== null && text !== undefined).map(word).join(' ');
}

"""##),
("lib/table.js", ##"""
// Tables: a caption for screen readers, numbers to the right, a box that scrolls by keyboard where the screen is narrow.
import { h } from './dom.js';

/**
 * A table.
 * @param caption what it shows.
 * @param columns `[{ title, cell(row), number, wide, sort, about }]`; `cell` returns what is shown, `about` explains the title.
 * @param rows the rows.
 * @param options `key(row)` names a row, `empty` is said where there is none, `mark(row)` gives a row a class,
 *   `sorted` is `{ column, isDown }` and `sort(column)` is called by a click on a title.
 */
export function table(caption, columns, rows, options = {}) {
  const { key, empty = 'nothing', mark, sorted, sort } = options;
  if (rows.length === 0) return h('p', { class: 'empty' }, empty);
  // The roles are said, since a narrow window shows rows as cards, which are no table to a browser.
  const head = (column) => h('th', {
    scope: 'col', role: 'columnheader', class: column.number ? 'number' : null, title: column.about,
    'aria-sort': sorted?.column === column.sort && column.sort
      ? (sorted.isDown ? 'descending' : 'ascending') : null,
  }, column.sort && sort
    ? h('button', { class: 'sort', type: 'button', on: { click: () => sort(column.sort) } }, column.title,
      sorted?.column === column.sort ? (sorted.isDown ? ' ▾' : ' ▴') : '')
    : column.title);
  const line = (row) => h('tr', {
    role: 'row', 'data-key': key?.(row), class: mark?.(row) },
    columns.map((column, index) => h(index === 0 ? 'th' : 'td', {
      scope: index === 0 ? 'row' : null, role: index === 0 ? 'rowheader' : 'cell',
      class: [column.number ? 'number' : '', column.wide ? 'wide' : ''].join(' ').trim() || null,
      'data-title': column.title,
    }, column.cell(row))));
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    h('table', { role: 'table', class: 'cards' }, h('caption', { class: 'unseen' }, caption),
      h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, columns.map(head))),
      h('tbody', { role: 'rowgroup' }, rows.map(line))));
}

/** Names and values. */
export function facts(pairs) {
  return h('dl', { class: 'facts' }, pairs.filter(Boolean).map(([name, ...values]) =>
    h('div', {}, h('dt', {}, name), h('dd', {}, values))));
}

/** A field of a form, with its label and what is to be known of it. */
export function field(label, control, hint) {
  const id = `field-${label.toLowerCase().replace(/[^a-z]+/g, '-')}`;
  control.id = id;
  if (hint) control.setAttribute('aria-describedby', `${id}-hint`);
  return h('div', { class: 'field' }, h('label', { for: id }, label), control,
    hint ? h('p', { class: 'hint', id: `${id}-hint` }, hint) : null);
}

/** A choice among texts, or among `[value, title]`. */
export function choice(name, options, chosen, on) {
  const select = h('select', { name, on }, options.map((option) => {
    const [text, title] = Array.isArray(option) ? option : [option, option];
    return h('option', { value: text, selected: text === chosen }, title);
  }));
  return select;
}

/** Tabs of which one is chosen, by a click or by arrow keys. What `choose` does must leave them where they are. */
export function tabs(label, options, chosen, choose) {
  function key(event) {
    const all = [...event.currentTarget.children];
    const at = all.indexOf(event.target);
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const place = (next + all.length) % all.length;
    all[place].focus();
    choose(options[place][0]);
  }
  return h('div', { class: 'tabs', role: 'tablist', 'aria-label': label, on: { keydown: key } }, options.map(([name, title]) =>
    h('button', {
      type: 'button', role: 'tab', 'aria-selected': String(name === chosen), tabindex: name === chosen ? '0' : '-1', on: { click: () => choose(name) },
    }, title)));
}

/** A word about a state, with its colour. */
export function badge(text, kind = '') {
  return h('span', { class: `badge ${kind}` }, text);
}

"""##),
("lib/value.js", ##"""
// Values from outside: isolated from the text around them, cut, and shown whole when somebody asks.
import { bytes } from './format.js';
import { h, lines } from './dom.js';
import { cut, visibleLines } from './safe.js';

// More at once makes the browser slow.
const step = 100_000;

/** A text of one line for where no button can stand, as in a link: cut, and longer under the pointer. */
export function label(text, { limit = 80 } = {}) {
  const whole = String(text);
  const { text: start, left } = cut(whole, limit);
  return h('bdi', { class: 'value', title: left ? cut(whole, 500).text : null }, start, left ? '…' : '');
}

/** A text of one line, with a button that shows all of it where it is long. */
export function value(text, { limit = 160, mono = false } = {}) {
  const whole = String(text);
  // A button that shows a few letters more takes the room that they would.
  const { text: start, left } = cut(whole, whole.length <= limit * 1.5 ? whole.length : limit);
  const name = mono ? 'value mono' : 'value';
  if (left === 0) return h('bdi', { class: name }, start);
  const box = h('span', { class: 'cut', 'data-keep': '', 'data-key': `${whole.length}:${start}` });
  const button = h('button', { class: 'more', type: 'button', on: { click: expand } },
    `show all (${bytes(whole.length)})`);
  box.append(h('bdi', { class: name }, start, '…'), ' ', button);
  function expand() {
    box.replaceChildren(long(whole));
    box.querySelector('pre').focus();
  }
  return box;
}

/** A text of many lines in a box that scrolls; a very long one a part at a time. */
export function long(text) {
  let end = 0;
  const body = h('pre', { class: 'long', tabindex: '0', 'aria-label': 'the whole value' });
  const button = h('button', { class: 'more', type: 'button', on: { click: add } });
  function add() {
    const part = cut(text.slice(end), step);
    end += part.text.length;
    body.append(lines('span', {}, visibleLines(part.text)));
    button.textContent = `show more (${bytes(part.left)} left)`;
    button.hidden = part.left === 0;
  }
  add();
  return h('div', { class: 'long-box' }, body, button);
}

/** Buttons that copy a text and say so. */
export function copyButton(text, what, announce) {
  return h('button', {
    class: 'quiet', type: 'button', 'aria-label': `Copy ${what}`, title: `Copy ${what}`,
    on: {
      async click() {
        try {
          await navigator.clipboard.writeText(text);
          announce(`${what} is copied`);
        } catch {
          announce('the browser does not allow copying here');
        }
      },
    },
  }, 'Copy');
}

"""##),
("lib/words.js", ##"""
// Words that a page uses as names, in a sentence each.

export const said = {
  relay: 'Publishes the store’s events on the topic, in their order',
  backlog: 'Events that are in the store, and not yet on the topic',
  conflicts: 'Commands that were refused, since another one had changed the stream meanwhile',
  head: 'The sequence number of the newest event',
  epoch: 'Counts how often the partition was given to a worker; only the newest may write',
  batch: 'How many events the worker applies in one transaction',
  parked: 'Streams whose events the read model’s code could not apply; other streams go on',
  lag: 'Events that are in the store, and not yet applied',
  p99: '99 of 100 take no longer',
};

"""##),
("main.js", ##"""
// Starts the console: the frame around pages, and which page is shown.
import { get, remove, setCSRF, whenSignedOut } from './lib/api.js';
import { announce } from './lib/dialog.js';
import { h, show } from './lib/dom.js';
import { failure } from './lib/page.js';
import { read } from './lib/router.js';
import { setFlags, setProgram } from './lib/shell.js';
import { onceBack, watchFreshness } from './lib/freshness.js';
import { beginOverview, endOverview, watchOverview } from './lib/overview.js';
import { drawSide, drawTop, outage, setFreshness, setParkedCount } from './frame.js';
import { watchKeys } from './keys.js';
import { loadPages, pageOf } from './pages.js';
import { keepPlace } from './place.js';
import { askToSignIn, signInPage } from './sign-in.js';

const main = document.getElementById('main');
let about = null;
let session = null;
let asking = null;
let current = { stop() {} };

function take(next) {
  session = next;
  setCSRF(next?.csrf ?? null);
  setFlags(next?.flags);
  drawTop(context());
}

/** What pages get: who looks, what the process is, and how to say something. */
function context() {
  return {
    about, session, announce, signIn, signOut,
    // A function: somebody may sign in while a page is shown.
    mayChange: () => (about.authentication === 'none' ? about.mayChange : session?.role === 'administer'),
  };
}

async function signIn() {
  if (about.authentication === 'none') {
    announce(about.whyNot, 'bad');
    return false;
  }
  // Once, where several questions are refused for want of a session.
  asking ??= askToSignIn().finally(() => {
    asking = null;
  });
  const next = await asking;
  if (next) take(next);
  return next !== null;
}

async function signOut() {
  await remove('session');
  endOverview();
  setParkedCount(0);
  take(null);
  announce('You are signed out');
  open();
}

async function open() {
  current.stop();
  const { parts, query } = read(location.hash);
  const place = h('div', { class: 'page' });
  const page = { stop() {} };
  current = page;
  main.replaceChildren(outage, place);
  drawSide(about, parts[0] ?? 'overview');
  if (about.authentication === 'tokens' && !session) {
    document.title = `Sign in · ${about.application}`;
    return signInPage(place, about.application, (next) => {
      take(next);
      open();
    });
  }
  beginOverview();
  try {
    const { show: start, title } = await pageOf(parts, about);
    if (current !== page) return;
    document.title = `${title} · ${about.application}`;
    page.stop = (await start(place, { ...context(), parts: parts.slice(1), query })) ?? (() => {});
    if (current !== page) page.stop();
  } catch (error) {
    if (current === page) show(place, failure(error, open));
  }
}

let renewed = null;

/** After each silence: a process that was started again has another session where it has no tokens, and changes need that one's. */
function renew({ since }) {
  // Told again while the silence goes on.
  if (since === null || since === renewed) return;
  renewed = since;
  onceBack(() => get('session').then((next) => next && take(next), () => {}));
}

async function begin() {
  try {
    about = await get('about');
    setProgram(about.adminCommand);
    take(await get('session'));
  } catch (error) {
    return show(main, failure(error, begin));
  }
  whenSignedOut(signIn);
  watchKeys();
  watchFreshness(setFreshness);
  watchFreshness(renew);
  watchOverview(({ readModels }) => setParkedCount(readModels.reduce((sum, model) => sum + model.parkedStreams, 0)));
  keepPlace(main, open);
  await open();
  // Where the process is gone, a page can still say so.
  loadPages();
}

begin();

"""##),
("pages/charts.js", ##"""
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

"""##),
("pages/comparison.js", ##"""
// The rows in which two generations differ, side by side.
import { h } from '../lib/dom.js';
import { count, counted } from '../lib/format.js';
import { link } from '../lib/router.js';
import { badge, facts, table } from '../lib/table.js';
import { label, value } from '../lib/value.js';

// A date or a short name is not broken.
const shortText = (text) => (text.length <= 20 ? h('span', { class: 'short-text' }, value(text)) : value(text, { limit: 80 }));

// A digest's beginning tells it from another one; all of it is under the pointer.
const side = (name, rows, digest) => [name, `${counted(rows, 'row')}, digest `, h('span', { class: 'mono' }, label(digest, { limit: 12 }))];

function cells(values, other, names) {
  if (values === null) return h('span', { class: 'faint' }, 'no row');
  const text = (item) => (typeof item === 'number' ? count(item) : String(item));
  return h('ul', {}, values.map((item, index) => h('li', {},
    h('span', { class: 'faint' }, value(names[index] ?? '', { limit: 40 }), ' '),
    h('span', { class: other && other[index] !== item ? 'differs' : null }, value(text(item), { limit: 60 })))));
}

/** What may explain that rows differ: what the live generation could not apply. */
function explanation({ name, parkedStreams }, live) {
  const [are, them] = parkedStreams === 1 ? ['stream is', 'its'] : ['streams are', 'their'];
  return h('p', { class: 'hint' }, `${count(parkedStreams)} ${are} parked in generation ${live}: that may explain the rows of ${them} events. `,
    h('a', { href: link(['parked'], { readModel: name }) }, 'Look at what is parked'));
}

/** What comparing a new generation with the live one came to. */
export function comparison(result, generation, model) {
  const { differences, differenceCount, live } = result;
  const names = (row) => (result.columns?.[row.table] ?? []).slice(row.key.length);
  return h('div', {},
    h('p', {}, differenceCount === 0 ? badge('equal', 'good') : badge(counted(differenceCount, 'row differs', 'rows differ'), 'warning'),
      ` Both at the same position, ${count(result.events)} events.`),
    differenceCount > 0 && model.parkedStreams > 0 && model.generation === live ? explanation(model, live) : null,
    facts([side(`Generation ${live}, live`, result.liveRows, result.liveDigest), side(`Generation ${generation}, rebuilt`, result.rows, result.digest)]),
    differences.length === 0 ? null : table('Rows that differ', [
      { title: 'Table', cell: (row) => h('span', { class: 'short-text' }, value(row.table, { limit: 40 })) },
      { title: 'Key', cell: (row) => shortText(row.key.join(' · ')) },
      { title: `Live, generation ${live}`, cell: (row) => cells(row.live, row.rebuilt, names(row)) },
      { title: `Rebuilt, generation ${generation}`, cell: (row) => cells(row.rebuilt, row.live, names(row)) },
    ], differences),
    differences.length < differenceCount ? h('p', { class: 'hint' }, differences.length === 0
      ? 'The rows are not kept: a stream was removed since, and they may be of it.' : `The first ${differences.length} are shown.`) : null);
}

"""##),
("pages/event-tree.js", ##"""
// What led to an event, and the tree of what it led to.
import { h } from '../lib/dom.js';
import { count, duration } from '../lib/format.js';
import { link } from '../lib/router.js';
import { label, value } from '../lib/value.js';

const depth = 12;

function line(event, since) {
  return [
    h('a', { href: link(['event', event.id]) }, label(event.type, { limit: 60 })), ' ',
    h('span', { class: 'faint' }, value(event.stream, { limit: 40 }), ` v${count(event.version)}`,
      since ? ` · +${duration(new Date(event.time) - new Date(since))}` : ''),
  ];
}

/** The events that led to it, the first cause last. */
export function causes(list) {
  if (list.length === 0) return h('p', { class: 'faint' }, 'No event led to it: a command from outside did.');
  return h('ol', { class: 'causes' }, list.map((event, index) =>
    h('li', {}, index === 0 ? 'because of ' : 'which was because of ', line(event))));
}

/** The events that it led to, as a tree. */
export function effects(event, list, searched) {
  const branch = (parent, children, level) => h('ul', { class: 'tree' }, children.map((child) =>
    h('li', {}, line(child, parent.time),
      child.effects?.length ? level < depth ? branch(child, child.effects, level + 1)
        : h('p', {}, h('a', { href: link(['event', child.id]) }, 'and what followed from it')) : null)));
  return h('div', {},
    h('p', {}, h('strong', {}, value(event.type, { limit: 60 })), list.length ? ' led to' : ' led to no other event.'),
    list.length ? branch(event, list, 1) : null,
    searched.all ? null : h('p', { class: 'hint' }, `Looked for among the events up to the sequence number ${count(searched.to)}.`));
}

"""##),
("pages/event.js", ##"""
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

"""##),
("pages/generations.js", ##"""
// Generations and savepoints of a read model. Each change is asked for first, with the command line that does the same.
import { get, part, post, remove } from '../lib/api.js';
import { confirm, dialog, equivalent } from '../lib/dialog.js';
import { h, show } from '../lib/dom.js';
import { bytes, count, counted, time } from '../lib/format.js';
import { follow } from '../lib/live.js';
import { watchOverview } from '../lib/overview.js';
import { button, panel } from '../lib/page.js';
import { command } from '../lib/shell.js';
import { badge, field, table } from '../lib/table.js';
import { value } from '../lib/value.js';
import { progress } from './replay-progress.js';

const states = { live: 'good', building: 'warning', kept: '' };

const pathOf = (name, ...parts) => ['read-models', part(name), ...parts].join('/');

/** Asks for a name, and saves. */
function save(name) {
  let text = '';
  return dialog(`Save ${name} as it stands`, {
    action: 'Save',
    body: (draw) => [
      h('p', {}, 'A savepoint is a copy of the live generation, rows and positions. Workers go on meanwhile.'),
      field('Name', h('input', {
        name: 'name', required: true, pattern: '[A-Za-z0-9_\\-][A-Za-z0-9._\\-]{0,63}', autocomplete: 'off', value: text,
        on: {
          input(event) {
            text = event.target.value;
            draw();
          },
        },
      }), 'Letters, digits, dots, dashes and underscores'),
      equivalent(command('savepoint', 'save', name, text || 'NAME')),
    ],
    submit: () => post(pathOf(name, 'savepoints'), { name: text }),
  });
}

function drop(name, number) {
  return confirm(`Drop generation ${number} of ${name}?`, {
    what: ['It is deleted for good.'], line: command('generations', 'drop', name, String(number)),
    action: 'Drop it', kind: 'danger', submit: () => remove(pathOf(name, 'generations', number)),
  });
}

function deleteSavepoint(name, savepoint) {
  return confirm(`Delete the savepoint ${savepoint}?`, {
    what: ['It is deleted for good. A replay can’t begin from it any more.'],
    line: command('savepoint', 'delete', name, savepoint),
    action: 'Delete it', kind: 'danger', submit: () => remove(pathOf(name, 'savepoints', part(savepoint))),
  });
}

/** Switches to a generation after a question; `why` has sentences that say what to look at before. */
export function switchTo(model, generation, why) {
  return confirm(`Switch ${model.name} to generation ${generation}?`, {
    what: [
      ...why,
      `Queries are answered from generation ${generation} at once, and the workers go on with it. `
      + `Generation ${model.generation} is kept: you can switch back.`,
      model.parkedStreams ? `${counted(model.parkedStreams, 'parked stream is', 'parked streams are')} of generation ${model.generation} and `
        + `stay with it: each generation has its own, and after the switch those of generation ${generation} count.` : null,
    ].filter(Boolean),
    line: command('generations', 'switch', model.name, String(generation), '--catch-up'), action: `Switch to ${generation}`,
    async submit(form) {
      const place = h('div', {});
      form.querySelector('.dialog-body').append(place);
      const end = follow(pathOf(model.name, 'switch'), {}, {
        switching(now) {
          show(place, now && now.total > 0 ? progress({ ...now, state: 'applying' }) : null);
        },
      });
      try {
        return await post(pathOf(model.name, 'live'), { generation });
      } finally {
        end();
        place.remove();
      }
    },
  });
}

const behind = 'Where it is behind, it is first brought to where the live one is, which may take a while.';

/** The view. */
export function generations(place, model, { announce, mayChange, show: choose, signIn }) {
  const { name } = model;
  // Buttons are there for everybody: the first click asks for a token.
  const after = (act, said) => async () => {
    if (!mayChange() && !(await signIn())) return;
    if (await act()) {
      announce(said);
      choose('generations');
    }
  };
  const change = ({ number, state }) => (state === 'live' ? null : h('div', { class: 'buttons' },
    state === 'building' ? null : button('Switch to it',
      after(() => switchTo(model, number, [behind]), `generation ${number} is live`), { what: `generation ${number}` }),
    button('Drop', after(() => drop(name, number), `generation ${number} is dropped`),
      { what: `generation ${number}`, kind: 'quiet danger' })));
  const draw = (now) => show(place,
    panel('Generations', table('Generations', [
      { title: 'Generation', cell: ({ number }) => String(number) },
      { title: 'State', cell: ({ state }) => badge(state, states[state]) },
      { title: 'Begun from', wide: true, cell: ({ origin }) => value(origin, { limit: 60 }) },
      { title: 'Begun', cell: ({ created }) => time(created) },
      { title: 'Events', number: true, cell: ({ events }) => count(events) },
      { title: 'Schema', number: true, cell: ({ schemaVersion }) => String(schemaVersion) },
      { title: 'Size', number: true, cell: (row) => bytes(row.bytes) },
      { title: 'Actions', cell: change },
    ], now.generations, { key: ({ number }) => `g${number}` })),
    panel('Savepoints', h('p', {}, button('Save a savepoint', after(() => save(name), 'it is saved'))),
      table('Savepoints', [
        { title: 'Name', cell: (row) => value(row.name, { limit: 64 }) },
        { title: 'Saved', cell: ({ saved }) => time(saved) },
        { title: 'By', cell: ({ automatic }) => (automatic ? 'a worker' : 'hand') },
        { title: 'Events', number: true, cell: ({ events }) => count(events) },
        { title: 'Newest sequence', number: true, cell: ({ sequenceNumber }) => count(sequenceNumber) },
        { title: 'Rows', number: true, cell: ({ rows }) => count(rows) },
        {
          title: 'Actions',
          cell: (row) => button('Delete', after(() => deleteSavepoint(name, row.name), `${row.name} is deleted`),
            { what: row.name, kind: 'quiet danger' }),
        },
      ], now.savepoints, { key: (row) => `s${row.name}`, empty: 'There are none.' })));

  // With the pipeline's frames, every few of them: the live generation goes on, and others may change what there is.
  let [isAsking, isLeft, asked] = [false, false, Date.now()];
  async function refresh(_, since) {
    if (since !== null || isAsking || Date.now() - asked < 3000) return;
    [isAsking, asked] = [true, Date.now()];
    try {
      const now = await get(pathOf(name));
      // Another view has the place by now.
      if (isLeft) return;
      Object.assign(model, now);
      draw(model);
    } catch {
      // The frame around the page tells that the process does not answer; else the next one may.
    }
    isAsking = false;
  }

  draw(model);
  const end = watchOverview(refresh);
  return () => {
    isLeft = true;
    end();
  };
}

"""##),
("pages/no-store.js", ##"""
// In place of a page that needs the store, where the process does not have it.
import { h, show } from '../lib/dom.js';
import { heading } from '../lib/page.js';
import { link } from '../lib/router.js';

/** Whether the process has no store. */
export const hasNoStore = ({ sources }) => sources.store !== true;

/** Says so, and leads to the same page of the writer's console where the process knows its writer. */
export function noStore(place, title, { sources }, parts, query = {}) {
  show(place, heading(title, `This process does not have the store: it would with ${sources.store}.`),
    sources.relay === true
      ? h('p', {}, h('a', { class: 'button', href: `api/writer${link(parts, query)}` }, 'Open it in the writer’s console'))
      : null);
}

"""##),
("pages/overview.js", ##"""
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

"""##),
("pages/parked-change.js", ##"""
// Retrying and discarding parked streams: a dry run first, which shows what would change; then the same for good.
import { part, post } from '../lib/api.js';
import { dialog, equivalent } from '../lib/dialog.js';
import { h } from '../lib/dom.js';
import { count, counted } from '../lib/format.js';
import { command } from '../lib/shell.js';
import { badge, table } from '../lib/table.js';
import { value } from '../lib/value.js';
import { rowChanges } from './row-changes.js';

const outcomes = { applied: ['would be applied', 'good'], fails: ['fails again', 'wrong'], discarded: ['would be discarded', 'warning'] };

function rows(row) {
  const more = row.rowCount - row.rows.length;
  return h('div', {}, rowChanges(row.rows), more > 0 ? h('p', { class: 'hint' }, `and ${count(more)} more`) : null);
}

function results(list) {
  return table('What would happen', [
    { title: 'Stream', wide: true, cell: (row) => value(row.stream, { limit: 50 }) },
    { title: 'Events', number: true, cell: (row) => count(row.events) },
    { title: 'Outcome', cell: (row) => badge(...(outcomes[row.outcome] ?? [row.outcome])) },
    {
      title: 'Rows', wide: true,
      cell: (row) => (row.reason ? value(row.reason, { limit: 120 })
        : row.outcome === 'discarded' ? 'As they are: what these events would have changed is lost.' : rows(row)),
    },
  ], list);
}

/** Does it, a part of the streams at a time; those that fail again are not tried twice. */
async function changeAll(path, body) {
  const done = [];
  for (let after = ''; ;) {
    const { results: some, left } = await post(path, { ...body, after });
    done.push(...some);
    if (left === 0 || some.length === 0) return done;
    after = some.at(-1).stream;
  }
}

/**
 * Shows what a retry or a discard would do, and does it when that is confirmed.
 * @param which `{ names }`, or `{ reason }` for all streams with a reason.
 * @returns what was done, by stream; null where it was called off.
 */
export async function changeParked(what, readModel, which) {
  const path = `parked/${part(readModel)}/${what}`;
  const body = which.names ? { streams: which.names } : { reason: which.reason };
  const { results: expected, left, triedBy, workers } = await post(path, body, { dryRun: 'true' });
  const failing = expected.filter(({ outcome }) => outcome === 'fails').length;
  const again = failing ? `${counted(failing, 'stream')} of ${expected.length} would fail again.` : 'All would be applied.';
  const some = left ? ` of ${counted(expected.length, 'stream')}` : '';
  const verb = what === 'retry' ? 'Retry' : 'Discard';
  // As many as a person reads; whole ones, so that what is copied is right.
  let length = 0;
  const shown = which.names?.filter((name) => (length += name.length) < 400);
  const line = command('parked', what === 'retry' ? 'retry' : 'drop', readModel,
    ...(shown ?? ['--reason', which.reason]));
  const lead = what === 'retry'
    ? `Each stream is applied whole, in its order, or stays parked. ${again}`
    : 'The events are given up for good: the read model goes on without them. Only a replay brings them back.';
  return dialog(`${verb} ${counted(expected.length + left, 'stream')} of ${readModel}?`, {
    action: verb, kind: what === 'discard' ? 'danger' : '',
    body: () => [h('p', {}, lead), h('p', { class: 'hint' }, `A dry run${some} came to this; nothing is changed yet.`),
      what === 'retry' ? h('p', { class: 'hint' }, 'It was tried by the code of ', value(`${triedBy.kind} ${triedBy.name}, version ${triedBy.version}`, { limit: 120 }), '.',
        workers.length ? [' The partition’s worker, which applies what comes later, is ', value(workers.join(', '), { limit: 120 }), '.'] : null) : null,
      results(expected),
      equivalent(shown && shown.length < which.names.length ? `${line} …` : line)],
    submit: () => changeAll(path, body),
  });
}

"""##),
("pages/parked-lists.js", ##"""
// The lists of the page Parked: by reason, by stream, rejected records, and what was changed.
import { h } from '../lib/dom.js';
import { ago, bytes, count, counted, time } from '../lib/format.js';
import { panel } from '../lib/page.js';
import { link } from '../lib/router.js';
import { table } from '../lib/table.js';
import { label, value } from '../lib/value.js';

/** Parked streams by read model and reason; `actions(readModel, which, said)` makes the buttons. */
export function byReason(groups, actions) {
  return panel('By reason', table('Reasons', [
    { title: 'Reason', wide: true, cell: (group) => value(group.reason, { limit: 140 }) },
    { title: 'Read model', cell: ({ readModel }) => h('a', { href: link(['read-model', readModel]) }, readModel) },
    { title: 'Streams', number: true, cell: (group) => count(group.streams) },
    { title: 'Events', number: true, cell: (group) => count(group.events) },
    { title: 'Since', number: true, cell: ({ since }) => h('span', { title: time(since) }, ago(since)) },
    {
      title: 'Actions',
      cell: ({ readModel, reason, streams }) => actions(readModel, { reason }, streams === 1 ? 'the stream with this reason' : `all ${count(streams)} streams with this reason`),
    },
  ], groups, { empty: 'Nothing is parked.' }));
}

/**
 * Parked streams, of which some can be chosen.
 * @param chosen `{ has(row), toggle(row) }`.
 */
export function byStream(streams, hasMore, chosen, actions) {
  if (streams.length === 0) return null;
  const picked = streams.filter(chosen.has);
  const [readModel, ...others] = new Set(picked.map((row) => row.readModel));
  const together = others.length === 0
    ? actions(readModel, { names: picked.map(({ stream }) => stream) }, 'the chosen streams')
    : h('p', { class: 'hint' }, 'Choose streams of one read model.');
  const box = (row) => h('input', {
    type: 'checkbox', 'aria-label': `Choose ${row.stream.slice(0, 60)}`, checked: chosen.has(row),
    on: { change: () => chosen.toggle(row) },
  });
  return panel('By stream',
    picked.length ? h('div', { class: 'chosen' }, h('p', {}, `${counted(picked.length, 'stream')} chosen`), together) : null,
    table('Parked streams', [
      {
        title: 'Stream', wide: true,
        cell: (row) => [box(row), ' ', h('a', { href: link(['stream', row.stream]) }, label(row.stream, { limit: 60 }))],
      },
      { title: 'Read model', cell: (row) => row.readModel },
      { title: 'Events', number: true, cell: (row) => count(row.events) },
      { title: 'Partition', number: true, cell: (row) => String(row.partition) },
      { title: 'First failed position', number: true, cell: (row) => count(row.from) },
      { title: 'Since', number: true, cell: (row) => ago(row.since) },
      { title: 'Reason', wide: true, cell: (row) => value(row.reason, { limit: 90 }) },
      {
        title: 'Actions',
        cell: (row) => actions(row.readModel, { names: [row.stream] }, `the stream ${row.stream.slice(0, 60)}`),
      },
    ], streams, { key: (row) => `p${row.readModel}${row.stream.slice(0, 100)}${row.stream.length}` }),
    hasMore ? h('p', { class: 'hint' }, 'There are more: these are the first.') : null);
}

/** Records of the topic that were not applied. */
export function rejectedRecords(records) {
  return panel('Rejected records',
    h('p', { class: 'hint' }, 'Records of the topic that are of another store, or can’t be read. They are never applied.'),
    table('Rejected records', [
      { title: 'Key', wide: true, cell: (row) => value(row.key, { limit: 60 }) },
      { title: 'Read model', cell: (row) => row.readModel },
      { title: 'Partition', number: true, cell: (row) => String(row.partition) },
      { title: 'Offset', number: true, cell: (row) => count(row.offset) },
      { title: 'Size', number: true, cell: (row) => bytes(row.bytes) },
      { title: 'Reason', wide: true, cell: (row) => value(row.reason, { limit: 120 }) },
      { title: 'Value', wide: true, cell: (row) => value(row.value, { limit: 80, mono: true }) },
    ], records, { empty: 'There are none.' }));
}

/** What was changed by this process, the newest first. */
export function changeLog(entries) {
  return panel('What was changed', table('Changes', [
    { title: 'When', cell: (entry) => time(entry.time) },
    { title: 'Who', cell: (entry) => value(entry.who, { limit: 40 }) },
    { title: 'What', wide: true, cell: (entry) => [value(entry.what, { limit: 40, mono: true }), ' ', value(entry.target, { limit: 200 })] },
    { title: 'Outcome', cell: (entry) => value(entry.outcome, { limit: 120 }) },
  ], entries, { empty: 'Nothing was changed by this process yet.' }));
}

"""##),
("pages/parked.js", ##"""
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

"""##),
("pages/partitions.js", ##"""
// The partitions of a read model: how far each is, its epoch, and which worker has it.
import { h, show } from '../lib/dom.js';
import { age, bytes, count, percent, ranges, rate } from '../lib/format.js';
import { oldAfter } from '../lib/live.js';
import { watchOverview } from '../lib/overview.js';
import { panel } from '../lib/page.js';
import { badge, table } from '../lib/table.js';
import { value } from '../lib/value.js';
import { said } from '../lib/words.js';

/** When a process reported last. One whose work others do is gone, and no reason to worry. */
export function reported({ age: heard, isReplaced }) {
  if (isReplaced) return badge(`gone: ${age(heard)}`);
  return heard > oldAfter ? badge(`old: ${age(heard)}`, 'wrong') : age(heard);
}

/** A figure of a process that reports; that of one that is silent is of the past. */
export function fresh({ age: heard }, figure) {
  return heard > oldAfter ? null : figure;
}

function workers(list) {
  return table('Workers', [
    { title: 'Worker', cell: (row) => value(row.name, { limit: 60 }) },
    { title: 'Host', cell: (row) => value(row.host, { limit: 60 }) },
    { title: 'Partitions', cell: (row) => (row.isReplaced ? '' : ranges(row.partitions) || 'none') },
    { title: 'Events/s', number: true, cell: (row) => rate(fresh(row, row.rate)) },
    { title: 'Batch', about: said.batch, number: true, cell: (row) => count(fresh(row, row.batch)) },
    { title: 'CPU', number: true, cell: (row) => percent(fresh(row, row.cpu)) },
    { title: 'Memory', number: true, cell: (row) => bytes(fresh(row, row.memory)) },
    { title: 'Reported', number: true, cell: reported },
  ], list, { key: ({ name }) => name, empty: 'None has reported.', mark: (row) => (row.age > oldAfter ? 'old' : null) });
}

function partitions(list) {
  return table('Partitions', [
    { title: 'Partition', cell: (row) => String(row.partition) },
    { title: 'Worker', cell: (row) => (row.worker ? value(row.worker, { limit: 60 }) : badge('none', 'wrong')) },
    { title: 'Epoch', about: said.epoch, number: true, cell: (row) => count(row.epoch) },
    { title: 'Applied', number: true, cell: (row) => (row.position === null ? 'never' : count(row.position)) },
    { title: 'Last event', number: true, cell: (row) => count(row.head) },
    { title: 'Lag', number: true, cell: (row) => (row.lag >= 1000 ? h('strong', { class: 'bad' }, count(row.lag)) : count(row.lag)) },
  ], list, { key: ({ partition }) => `p${partition}` });
}

/** The view. */
export function partitionsView(place, model) {
  return watchOverview(({ readModels }) => {
    const now = readModels.find(({ name }) => name === model.name);
    if (now) show(place, panel('Partitions', partitions(now.partitions)), panel('Workers', workers(now.workers)));
  });
}

"""##),
("pages/pipeline.js", ##"""
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

"""##),
("pages/read-model.js", ##"""
// One read model: its rows; its generations and savepoints; a replay with comparison and switch.
import { get, part } from '../lib/api.js';
import { h, show } from '../lib/dom.js';
import { count, counted, duration } from '../lib/format.js';
import { watchOverview } from '../lib/overview.js';
import { failure, heading } from '../lib/page.js';
import { link, note } from '../lib/router.js';
import { badge, facts, tabs } from '../lib/table.js';
import { label, value } from '../lib/value.js';
import { generations } from './generations.js';
import { partitionsView } from './partitions.js';
import { replay } from './replay.js';
import { rows } from './rows.js';

export const title = 'Read model';

const views = {
  rows: ['Rows', rows], partitions: ['Partitions and workers', partitionsView],
  generations: ['Generations and savepoints', generations], replay: ['Replay', replay],
};

export async function start(place, context) {
  const { parts: [name], query } = context;
  const body = h('div', { class: 'stack', role: 'tabpanel', 'aria-label': 'What is shown' });
  const top = h('div', { class: 'stack' });
  let stop = () => {};
  let [shown, turns] = [null, 0];
  let view = query.view in views ? query.view : 'rows';

  function head(model) {
    shown = model;
    show(top, heading(label(model.name, { limit: 60 }), value(model.about, { limit: 200 })),
      facts([
        ['Live generation', `${model.generation}, schema version ${model.schemaVersion}`],
        ['State', badge(model.state, model.state === 'live' ? 'good' : 'warning')],
        ['Lag', `${count(model.lag)} events, ${duration(model.lagMilliseconds)}`],
        ['Workers', model.workers.map((worker) => worker.name).join(', ') || 'none'],
        ['Parked', model.parkedStreams
          ? h('a', { href: link(['parked'], { readModel: name }) }, counted(model.parkedStreams, 'stream')) : 'nothing'],
      ]),
      tabs('What is shown', Object.entries(views).map(([id, [text]]) => [id, text]), view, choose));
  }

  async function choose(id) {
    // The address of what is opened first has more than the view.
    if (shown) note(['read-model', name], { view: id });
    const own = shown ? {} : query;
    view = id;
    turns += 1;
    const turn = turns;
    stop();
    stop = () => {};
    if (shown) head(shown);
    body.replaceChildren();
    try {
      // Anew: what another view did may have changed it.
      const model = await get(`read-models/${part(name)}`);
      if (turn !== turns) return;
      head(model);
      stop = views[id][1](body, model, { ...context, query: own, show: choose }) ?? (() => {});
    } catch (error) {
      if (turn === turns) show(body, failure(error, () => choose(id)));
    }
  }

  show(place, top, body);
  await choose(view);
  // The frames have no schema's version: a generation that is live now has another one.
  const end = watchOverview(({ readModels }) => {
    const now = readModels.find((model) => model.name === name);
    if (!now || !shown) return;
    if (now.generation === shown.generation) return head({ ...shown, ...now });
    get(`read-models/${part(name)}`).then(head, () => {});
  });
  return () => {
    end();
    turns += 1;
    stop();
  };
}

export { start as show };

"""##),
("pages/read-models.js", ##"""
// All read models.
import { h, show } from '../lib/dom.js';
import { count, duration, rate } from '../lib/format.js';
import { heading } from '../lib/page.js';
import { watchOverview } from '../lib/overview.js';
import { link } from '../lib/router.js';
import { badge, table } from '../lib/table.js';
import { label } from '../lib/value.js';
import { spark } from '../lib/chart.js';

export const title = 'Read models';

export function start(place) {
  show(place, heading(title), h('p', { class: 'loading' }, 'Loading …'));
  return watchOverview(({ readModels }) => {
    show(place, heading(title, 'A read model is built from events, by workers; queries are answered from its live generation.'),
      table('Read models', [
        { title: 'Read model', cell: (model) => h('a', { href: link(['read-model', model.name]) }, label(model.name, { limit: 60 })) },
        { title: 'Generation', cell: (model) => [model.generation === null ? '' : `${model.generation} `, badge(model.state, model.state === 'live' ? 'good' : 'warning')] },
        { title: 'Lag', number: true, cell: (model) => count(model.lag) },
        { title: 'Behind by', number: true, cell: (model) => duration(model.lagMilliseconds) },
        { title: 'Applied', number: true, cell: (model) => rate(model.rate) },
        { title: 'Last minute', cell: (model) => spark(model.recent, `applied by ${model.name} in the last minute`) },
        { title: 'Workers', number: true, cell: (model) => String(model.workers.length) },
        {
          title: 'Parked', number: true, cell: ({ name, parkedStreams }) => (parkedStreams
            ? h('a', { href: link(['parked'], { readModel: name }) }, count(parkedStreams)) : '0'),
        },
        { title: 'Rejected', number: true, cell: (model) => count(model.rejected) },
      ], readModels, { key: ({ name }) => name }));
  });
}

export { start as show };

"""##),
("pages/replay-progress.js", ##"""
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

"""##),
("pages/replay-start.js", ##"""
// Where a replay begins and ends.
import { h } from '../lib/dom.js';
import { choice, field } from '../lib/table.js';

/** The form; calls `begin` with `{ from, to }` in the words of the command line. */
export function startForm(model, begin) {
  const other = h('input', { name: 'other', autocomplete: 'off', placeholder: '2026-11-23T12:00:00Z or 5000' });
  const otherField = field('Sequence number or time', other, 'It begins from the newest savepoint before that');
  const to = h('input', { name: 'to', autocomplete: 'off', placeholder: 'where the live one is' });
  const from = choice('from', [
    ['zero', 'zero: the first event'],
    ...model.savepoints.map(({ name }) => [name, `savepoint ${name}`]),
    // No savepoint has an empty name.
    ['', 'a sequence number or a time'],
  ], 'zero', { change: draw });

  function draw() {
    otherField.hidden = from.value !== '';
    other.required = from.value === '';
  }

  function submit(event) {
    event.preventDefault();
    begin({ from: from.value || other.value, to: to.value || undefined });
  }

  draw();
  return h('form', { class: 'filters', on: { submit } },
    field('Begin from', from), otherField,
    field('End at', to, 'Sequence number or time. Ending earlier skips the comparison'),
    h('button', { type: 'submit', class: 'primary' }, 'Start a replay'));
}

"""##),
("pages/replay.js", ##"""
// A replay: how far it is, what differs, and the switch.
import { part, post, remove } from '../lib/api.js';
import { confirm } from '../lib/dialog.js';
import { h, show } from '../lib/dom.js';
import { ago, counted } from '../lib/format.js';
import { follow } from '../lib/live.js';
import { button, panel } from '../lib/page.js';
import { command } from '../lib/shell.js';
import { badge } from '../lib/table.js';
import { comparison } from './comparison.js';
import { switchTo } from './generations.js';
import { progress } from './replay-progress.js';
import { startForm } from './replay-start.js';

const lead = 'A replay builds a new generation beside the live one, compares the two, and waits for you to switch.';
const what = 'A new generation is built beside the live one. Queries are answered and workers go on throughout. '
  + 'In the end both are compared, row by row; the new one becomes live only when you switch.';
const words = {
  applying: 'applying', comparing: 'comparing', built: 'built, not live', failed: 'failed', stopped: 'stopped: its process has ended',
};

/** The view. */
export function replay(place, model, { announce, mayChange, signIn, show: choose }) {
  const path = `read-models/${part(model.name)}`;
  let current = model.replay;
  let form = null;

  const guard = async () => mayChange() || signIn();

  async function begin(request) {
    if (!(await guard())) return;
    const end = request.to ? ['--to', request.to] : [];
    const begun = await confirm(`Replay ${model.name} from ${request.from}?`, {
      what: [what], line: command('replay', model.name, '--from', request.from, ...end, '--no-switch'), action: 'Start it',
      submit: () => post(`${path}/replays`, request),
    });
    if (!begun) return;
    current = begun;
    announce(`the replay of ${model.name} has begun`);
    draw();
  }

  /** The same replay, begun again, goes on where it was. */
  async function goOn() {
    if (!(await guard())) return;
    const { from, to } = current;
    try {
      current = await post(`${path}/replays`, { from, to });
      announce(`the replay of ${model.name} goes on`);
      draw();
    } catch (error) {
      announce(error.message, 'bad');
    }
  }

  async function giveUp() {
    if (!(await guard())) return;
    const done = await confirm(`Delete generation ${current.generation}?`, {
      what: [`The replay ends, and what it has built is deleted. The live generation stays as it is.`],
      line: command('generations', 'drop', model.name, String(current.generation)),
      action: 'Delete it', kind: 'danger', submit: () => remove(`${path}/replay`),
    });
    if (!done) return;
    current = null;
    draw();
  }

  async function makeLive() {
    if (!(await guard())) return;
    const { generation, comparison: compared } = current;
    const why = compared?.differenceCount
      ? `${counted(compared.differenceCount, 'row differs', 'rows differ')}: see that this is what you want.`
      : compared ? 'Both generations are equal.' : 'They were not compared.';
    if (!(await switchTo(model, generation, [why]))) return;
    announce(`generation ${generation} is live`);
    choose('generations');
  }

  function draw() {
    if (!current) {
      form ??= startForm(model, begin);
      if (!place.contains(form)) place.replaceChildren(panel('Start a replay', h('p', { class: 'hint' }, lead), form));
      return;
    }
    if (form) place.replaceChildren();
    form = null;
    const { generation, state, from, to, begun, by, why } = current;
    const kind = { failed: 'wrong', stopped: 'wrong', built: 'good' }[state] ?? 'warning';
    show(place,
      panel(`Replay into generation ${generation}`,
        h('p', {}, badge(words[state] ?? state, kind), ` from ${from}${to ? ` to ${to}` : ''}, begun ${ago(begun)} by ${by}`),
        why ? h('p', { class: 'failure' }, why) : null, progress(current),
        h('div', { class: 'buttons' },
          state === 'built' ? button(`Switch to generation ${generation}`, makeLive, { kind: 'primary' }) : null,
          kind === 'wrong' ? button('Go on', goOn, { kind: 'primary' }) : null,
          button(`Delete generation ${generation}`, giveUp, { kind: 'quiet danger' }))),
      current.comparison ? panel('Comparison with the live generation', comparison(current.comparison, generation, model)) : null);
  }

  draw();
  return follow(`${path}/replay`, {}, {
    replay(next) {
      // Told once: a screen reader does not follow a bar.
      if (next?.state === 'built' && current?.state !== 'built') announce(`the replay of ${model.name} is built and compared`);
      current = next;
      draw();
    },
  });
}

"""##),
("pages/row-changes.js", ##"""
// Rows of a read model before and after something.
import { h } from '../lib/dom.js';
import { value } from '../lib/value.js';

function row({ table, key, before, after }) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const changed = names.filter((name) => before?.[name] !== after?.[name]);
  const cell = (item) => value(item === null || item === undefined ? 'null' : String(item), { limit: 60 });
  return h('li', {},
    h('span', { class: 'mono' }, value(table, { limit: 40 }), ' ', value(key.join(' · '), { limit: 60 })),
    !before ? h('span', { class: 'sign new' }, ' new row') : !after ? h('span', { class: 'sign gone' }, ' row deleted') : null,
    before && after && changed.length === 0 ? h('span', { class: 'faint' }, ' written, unchanged') : h('ul', { class: 'changes' }, changed.map((name) => h('li', {},
      h('span', { class: 'faint' }, value(name, { limit: 40 }), ' '),
      before ? [h('del', {}, cell(before[name])), after ? ' → ' : ''] : null,
      after ? h('ins', {}, cell(after[name])) : null))));
}

/** Rows that changed. */
export function rowChanges(rows) {
  if (rows.length === 0) return h('p', { class: 'faint' }, 'It changes no row.');
  return h('ul', { class: 'row-changes' }, rows.map(row));
}

"""##),
("pages/rows.js", ##"""
// Rows of a read model: browse, search, sort, export.
import { address, get, part } from '../lib/api.js';
import { h, show } from '../lib/dom.js';
import { amount, count, counted, time } from '../lib/format.js';
import { button, failure, panel } from '../lib/page.js';
import { keep, kept, link, note } from '../lib/router.js';
import { choice, field, table } from '../lib/table.js';
import { label, value } from '../lib/value.js';

const shown = 500;

/** A cell; the read model's schema may say that a column is a time in microseconds, an amount with decimals, or a stream's id. */
function cell(item, column) {
  if (column.isMasked) return h('span', { class: 'badge', title: 'Shown to administrators only' }, 'masked');
  if (item === null) return h('span', { class: 'faint' }, 'null');
  if (column.meaning === 'time') return time(item / 1000);
  if (column.meaning === 'stream') return h('a', { href: link(['stream', item]) }, label(item, { limit: 60 }));
  if (typeof item === 'number') return column.decimals ? amount(item, column.decimals) : count(item);
  // A date or a short name is not broken where there is room for a table.
  return item.length <= 20 ? h('span', { class: 'short-text' }, value(item)) : value(item, { limit: 80 });
}

/** How much was looked through: a text that is no beginning of a key is looked for row by row. */
function searched({ searched: { all, rows: number } }) {
  return h('p', { class: 'hint' }, all ? 'A click on a title sorts; else rows are in the order of their keys.' : `Among ${count(number)} rows.`);
}

/** The rows of a read model's tables. Table, search and order are in the address; how many were shown is kept for whoever comes back. */
export function rows(place, model, { query }) {
  const result = h('div', { class: 'stack' });
  let sorted = query.order ? { column: query.order, isDown: query.down === 'true' } : null;
  let [found, latest, wanted] = [[], 0, Math.min(kept().rows ?? 0, shown)];
  const names = model.tables.map(({ name }) => name);
  const form = h('form', { class: 'filters', role: 'search', 'aria-label': 'Search rows', on: { submit: search, change: anew } },
    field('Table', choice('table', names, names.includes(query.table) ? query.table : names[0])),
    field('Search', h('input', { type: 'search', name: 'search', autocomplete: 'off', value: query.search ?? '' }), 'The beginning of a key, or any text'),
    h('button', { type: 'submit', class: 'primary' }, 'Search'));
  const path = `read-models/${part(model.name)}/rows`;
  const asked = () => ({
    table: form.elements.table.value, search: form.elements.search.value,
    order: sorted?.column, down: sorted?.isDown ? 'true' : '',
  });

  function anew(event) {
    if (event.target.name === 'table') sorted = null;
    search(event);
  }

  function search(event) {
    event?.preventDefault();
    [found, wanted] = [[], 0];
    const { table: chosen, ...rest } = asked();
    note(['read-model', model.name], { view: 'rows', table: chosen === names[0] ? '' : chosen, ...rest });
    ask();
  }

  async function ask(cursor) {
    const number = ++latest;
    try {
      const answer = await get(path, { ...asked(), cursor });
      if (number !== latest) return;
      found = [...found, ...answer.rows].slice(-shown);
      if (answer.next && found.length < wanted) return ask(answer.next);
      keep({ rows: found.length });
      draw(answer);
    } catch (error) {
      show(result, failure(error, () => ask(cursor)));
    }
  }

  function draw(answer) {
    const columns = answer.columns.map((column, index) => ({
      title: column.name, sort: column.name, number: column.kind === 'integer', wide: index === 0, cell: (row) => cell(row[index], column),
    }));
    const number = answer.next ? `${count(found.length)}+ rows` : counted(found.length, 'row');
    show(result, panel(`${number} of generation ${answer.generation}`,
      h('div', { class: 'table-head' }, searched(answer),
        h('a', { class: 'button', href: address(`${path}.csv`, asked()), download: `${model.name}.csv` }, 'Export CSV')),
      table(`Rows of ${model.name}`, columns, found, {
        sorted, empty: 'No row is like that.',
        sort(column) {
          sorted = { column, isDown: sorted?.column === column && !sorted.isDown };
          search();
        },
      }),
      answer.next ? button(answer.searched.all ? 'Show more' : 'Search further', () => ask(answer.next)) : null));
  }

  show(place, form, result);
  ask();
}

"""##),
("pages/stream.js", ##"""
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

"""##),
("pages/streams.js", ##"""
// Finds streams: by the beginning of their id, category, an event's type, time, correlation.
import { get } from '../lib/api.js';
import { h, show } from '../lib/dom.js';
import { ago, count, counted, time } from '../lib/format.js';
import { button, failure, heading, panel } from '../lib/page.js';
import { link, note } from '../lib/router.js';
import { choice, field, table } from '../lib/table.js';
import { label, value } from '../lib/value.js';
import { hasNoStore, noStore } from './no-store.js';

export const title = 'Streams';

const names = ['prefix', 'category', 'type', 'from', 'to', 'correlation'];

// Where the application has one aggregate, streams have no category.
function columns(hasCategories) {
  return [
    { title: 'Stream', wide: true, cell: (row) => h('a', { href: link(['stream', row.stream]) }, label(row.stream, { limit: 80 })) },
    hasCategories && { title: 'Category', cell: (row) => (row.category ? value(row.category, { limit: 30 }) : h('span', { class: 'faint' }, 'none')) },
    { title: 'Version', number: true, cell: (row) => count(row.version) },
    { title: 'Last event', cell: (row) => value(row.lastType, { limit: 40 }) },
    { title: 'Sequence', number: true, cell: (row) => count(row.lastSequenceNumber) },
    { title: 'Partition', number: true, cell: (row) => String(row.partition) },
    { title: 'When', number: true, cell: (row) => h('span', { title: time(row.lastTime) }, ago(row.lastTime)) },
  ].filter(Boolean);
}

/** How far a search has come that reads events: by type, time or correlation. */
function progress({ order, next, searched: { all, from, head } }, hasFound) {
  if (order === 'id' || all) return null;
  if (!next) return h('p', { class: 'hint' }, 'All events were searched.');
  return h('p', { class: 'hint', role: 'status' }, `${hasFound ? 'Searched' : 'Nothing in'} the newest ${count(head - from + 1)} of ${count(head)} events${hasFound ? '.' : ' yet.'}`);
}

/** A day or a time as a person writes it, as the routes take it. */
function moment(text) {
  return text ? `${text}${text.length === 16 ? ':00' : ''}Z` : '';
}

export function start(place, { about, query }) {
  if (hasNoStore(about)) return noStore(place, title, about, ['streams'], query);
  const result = h('div', { class: 'stack' });
  let found = [];
  let latest = 0;
  const input = (name, attributes = {}) => h('input', { name, value: query[name] ?? '', autocomplete: 'off', spellcheck: 'false', ...attributes });
  const categories = about.aggregates.map(({ category }) => category).filter(Boolean);
  const types = choice('type', [['', 'any'], ...(query.type ? [query.type] : [])], query.type ?? '');
  const form = h('form', { class: 'filters', role: 'search', 'aria-label': 'Find streams', on: { submit: search, change: search } },
    field('Id begins with', input('prefix', { type: 'search' })),
    field('Category', choice('category', [['', 'all'], ...categories], query.category ?? '')),
    field('Has an event of type', types),
    field('Changed after (UTC)', input('from', { type: 'datetime-local' })),
    field('Changed before (UTC)', input('to', { type: 'datetime-local' })),
    field('Correlation id', input('correlation', { type: 'search' })),
    h('button', { type: 'submit', class: 'primary' }, 'Find'));

  /** The types of the store's newest events. */
  async function fillTypes() {
    const known = (await get('event-types')).types;
    types.append(...known.filter((type) => type !== query.type).map((type) => h('option', { value: type }, type)));
  }

  function search(event) {
    event?.preventDefault();
    const asked = Object.fromEntries(names.map((name) => [name, form.elements[name].value]));
    note(['streams'], asked);
    found = [];
    ask(asked);
  }

  /** Goes on until something is found, all was searched, or somebody stops it. */
  async function ask(asked, cursor) {
    const number = ++latest;
    let next = cursor;
    try {
      do {
        const answer = await get('streams', { ...asked, from: moment(asked.from), to: moment(asked.to), cursor: next });
        // A later search has begun meanwhile.
        if (number !== latest || !place.isConnected) return;
        next = answer.next;
        // A stream whose events were searched further may be there already.
        const shown = new Set(found.map(({ stream }) => stream));
        found = [...found, ...answer.streams.filter(({ stream }) => !shown.has(stream))];
        draw(asked, answer);
      } while (next && found.length === 0);
    } catch (error) {
      if (number === latest) show(result, failure(error, () => ask(asked, next)));
    }
  }

  function draw(asked, answer) {
    const { next, order } = answer;
    const isSearching = next && found.length === 0;
    show(result, panel(isSearching ? 'No stream yet' : `${counted(found.length, 'stream')}${next ? ' and more' : ''}, ${order === 'id' ? 'by id' : 'the newest first'}`,
      isSearching ? null : table('Streams', columns(found.some(({ category }) => category)), found, {
        key: ({ stream }) => `s${stream.length}-${stream.slice(0, 100)}`,
        empty: 'No stream is like that. Ids are compared by their bytes: upper and lower case differ.',
      }),
      progress(answer, found.length > 0),
      isSearching ? h('button', { type: 'button', on: { click: stop } }, 'Stop') : null,
      next && !isSearching ? button(order === 'id' ? 'Show more' : 'Search further back', () => ask(asked, next)) : null));

    /** What was asked last is not drawn any more. */
    function stop({ target }) {
      latest += 1;
      target.replaceWith(button('Search further back', () => ask(asked, next)));
    }
  }

  show(place, heading(title, 'A stream has the events of one aggregate.'), form, result);
  search();
  fillTypes().catch((error) => show(result, failure(error)));
}

export { start as show };

"""##),
("pages.js", ##"""
// Which module shows which page. A page is a module with `title` and `show(place, context)`, which returns how to stop it.

const own = {
  overview: () => import('./pages/overview.js'),
  streams: () => import('./pages/streams.js'),
  stream: () => import('./pages/stream.js'),
  event: () => import('./pages/event.js'),
  'read-models': () => import('./pages/read-models.js'),
  'read-model': () => import('./pages/read-model.js'),
  parked: () => import('./pages/parked.js'),
  charts: () => import('./pages/charts.js'),
};

/** Loads all of the console's pages. */
export function loadPages() {
  return Promise.allSettled(Object.values(own).map((load) => load()));
}

/** A module; where it can't be had for want of a connection, the failure says that. */
async function imported(load) {
  try {
    return await load();
  } catch (error) {
    // What browsers say then is of their own making. An error of the module's code is another one.
    if (!(error instanceof TypeError) || !/import|module/i.test(error.message)) throw error;
    throw Object.assign(new Error(`no connection to ${location.host}, or it does not have this page`), { status: 0 });
  }
}

/** The module of a page: one of the console's, or one that the application adds. */
export async function pageOf(parts, about) {
  const [name = 'overview'] = parts;
  if (Object.hasOwn(own, name)) return imported(own[name]);
  const added = about.pages.find((page) => page.id === name);
  if (!added) throw new Error('there is no such page');
  const module = await imported(() => import(`./application/${added.id}/${added.module}`));
  return { title: added.title, show: module.show };
}

"""##),
("place.js", ##"""
// Where a person was on a page: who goes back finds the page scrolled as it was left. The browser can't do it, since a page's content comes later.
import { kept, keep } from './lib/router.js';

/** Scrolls as soon as the page is long enough; not where a person scrolls first, or nothing comes. */
function scrollWhenLong(main, top) {
  const end = () => {
    watch.disconnect();
    clearTimeout(timer);
    for (const name of ['wheel', 'touchstart', 'keydown', 'pointerdown']) removeEventListener(name, end);
  };
  const attempt = () => {
    if (document.documentElement.scrollHeight < top + innerHeight) return;
    scrollTo(0, top);
    end();
  };
  const watch = new ResizeObserver(attempt);
  const timer = setTimeout(end, 3000);
  for (const name of ['wheel', 'touchstart', 'keydown', 'pointerdown']) addEventListener(name, end, { passive: true });
  watch.observe(main);
}

/** Opens pages as the address changes, and keeps their places. */
export function keepPlace(main, open) {
  history.scrollRestoration = 'manual';
  if (kept().top > 0) scrollWhenLong(main, kept().top);
  let pause = null;
  addEventListener('scroll', () => {
    clearTimeout(pause);
    pause = setTimeout(() => keep({ top: Math.round(scrollY) }), 150);
  }, { passive: true });
  addEventListener('hashchange', () => {
    clearTimeout(pause);
    const { top = 0 } = kept();
    open();
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
    if (top > 0) scrollWhenLong(main, top);
  });
}

"""##),
("sign-in.js", ##"""
// Signing in with a token: a page of its own at first, a dialog where the session has ended meanwhile.
import { post } from './lib/api.js';
import { dialog } from './lib/dialog.js';
import { h, show } from './lib/dom.js';
import { field } from './lib/table.js';

const lead = 'The process was started with tokens (--token-file). With a token of the role “read” you may look, with one of the role '
  + '“administer” you may change something too. It is sent once, and not kept in the browser.';

function tokenField() {
  return field('Token', h('input', { type: 'password', name: 'token', autocomplete: 'current-password', required: true, autofocus: true }));
}

const send = async (form) => post('session', { token: form.elements.token.value });

/** Asks for a token. Returns the session, or null. */
export function askToSignIn() {
  return dialog('Sign in', { action: 'Sign in', body: () => [h('p', {}, lead), tokenField()], submit: send });
}

/** The page for whoever has no session; calls `done` with the session. */
export function signInPage(place, application, done) {
  const failure = h('p', { class: 'failure', role: 'alert', hidden: true });
  const button = h('button', { type: 'submit', class: 'primary' }, 'Sign in');
  const form = h('form', { class: 'panel sign-in', on: {
    async submit(event) {
      event.preventDefault();
      button.disabled = true;
      failure.hidden = true;
      try {
        done(await send(form));
      } catch (error) {
        failure.textContent = error.message;
        failure.hidden = false;
        form.elements.token.select();
      }
      button.disabled = false;
    },
  } }, h('h1', {}, `Sign in to ${application}`), h('p', { class: 'hint' }, lead), tokenField(), failure, button);
  show(place, form);
  form.elements.token.focus();
}

"""##),
("styles/base.css", ##"""
/* Colours, type and the frame. Every pair of text and ground has a contrast of at least 4.5 to 1, in both themes. */
:root {
  color-scheme: light;
  --ground: #f5f6f8; --panel: #ffffff; --raised: #eef0f3; --line: #d9dde3; --strong-line: #868f9c;
  --text: #1b2129; --faint: #586372;
  --accent: #0b6b64; --accent-ground: #e1f2f0; --on-accent: #ffffff;
  --good: #17693a; --good-ground: #e2f4e8; --warning: #875300; --warning-ground: #fdf0d5; --wrong: #ae1f2d; --wrong-ground: #fce6e7;
  --series-0: #0b6b64; --series-1: #a04a00; --series-2: #5b45c2; --series-3: #ad1f6d; --series-4: #2561b8; --series-5: #5f6800;
  --shadow: 0 1px 2px rgb(20 30 40 / 6%), 0 1px 6px rgb(20 30 40 / 4%);
  --sans: ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, "DejaVu Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
:root[data-theme="dark"] {
  color-scheme: dark;
  --ground: #0e1217; --panel: #151b22; --raised: #1d252e; --line: #29323d; --strong-line: #697788;
  --text: #e3e8ee; --faint: #98a5b4;
  --accent: #4fd1c1; --accent-ground: #10312f; --on-accent: #062522;
  --good: #6ad394; --good-ground: #12301f; --warning: #f0b24e; --warning-ground: #362710; --wrong: #ff8a8f; --wrong-ground: #3d191c;
  --series-0: #4fd1c1; --series-1: #f5a65b; --series-2: #a99bf5; --series-3: #f08bc3; --series-4: #7fb2f5; --series-5: #c3cc5a;
  --shadow: none;
}
@media (prefers-color-scheme: dark) {
  :root:not([data-theme="light"]) {
    color-scheme: dark;
    --ground: #0e1217; --panel: #151b22; --raised: #1d252e; --line: #29323d; --strong-line: #697788;
    --text: #e3e8ee; --faint: #98a5b4;
    --accent: #4fd1c1; --accent-ground: #10312f; --on-accent: #062522;
    --good: #6ad394; --good-ground: #12301f; --warning: #f0b24e; --warning-ground: #362710; --wrong: #ff8a8f; --wrong-ground: #3d191c;
    --series-0: #4fd1c1; --series-1: #f5a65b; --series-2: #a99bf5; --series-3: #f08bc3; --series-4: #7fb2f5; --series-5: #c3cc5a;
    --shadow: none;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { font: 14px/1.45 var(--sans); background: var(--ground); color: var(--text); -webkit-text-size-adjust: 100%; }
body {
  margin: 0; min-height: 100vh; display: grid;
  grid-template: "top top" 48px "side main" 1fr / 176px minmax(0, 1fr);
}
h1, h2, h3, h4, p, ul, ol, dl, dd, figure, pre { margin: 0; }
ul, ol { padding: 0; list-style: none; }
h1 { font-size: 1.45rem; line-height: 1.2; font-weight: 640; letter-spacing: -0.015em; }
h2 { font-size: 0.95rem; font-weight: 640; }
h3 { font-size: 0.95rem; font-weight: 640; }
h4 { font-size: 0.9rem; font-weight: 600; }
small { font-size: 0.8rem; color: var(--faint); }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
.panel p a, .hint a, .model-leg p a, .failure a { text-decoration: underline; }
strong { font-weight: 620; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
main:focus-visible { outline: none; }
.unseen { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: 8px; top: -60px; z-index: 20; background: var(--panel); padding: 8px 14px; border: 1px solid var(--strong-line); border-radius: 6px; }
.skip:focus { top: 6px; }

.top {
  grid-area: top; position: sticky; top: 0; z-index: 10; display: flex; align-items: center; gap: 12px; padding: 0 16px;
  background: var(--panel); border-bottom: 1px solid var(--line);
}
.name { display: flex; align-items: center; gap: 9px; color: var(--text); min-width: 152px; white-space: nowrap; }
.name:hover { text-decoration: none; }
.name strong { font-size: 1rem; letter-spacing: -0.01em; }
.go-to { position: relative; flex: 1 1 auto; max-width: 520px; }
.go-to input { width: 100%; background: var(--ground); padding-right: 34px; }
.go-to kbd { position: absolute; right: 8px; top: 7px; }
.go-to input:focus + kbd { visibility: hidden; }
.freshness { margin-left: auto; font-size: 0.85rem; color: var(--faint); white-space: nowrap; }
.freshness::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 7px; border-radius: 50%; background: var(--strong-line); }
.freshness:empty { visibility: hidden; }
.freshness.live { color: var(--good); }
.freshness.live::before { background: var(--good); animation: breathe 2s ease-in-out infinite; }
.freshness.late { color: var(--warning); }
.freshness.late::before { background: var(--warning); }
.freshness.waiting { color: var(--wrong); }
.freshness.waiting::before { background: var(--wrong); }
@keyframes breathe { 50% { opacity: 0.35; } }
.who { display: inline-flex; flex-direction: column; line-height: 1.15; font-size: 0.85rem; white-space: nowrap; }
.theme { font-size: 1.05rem; line-height: 1; min-width: 32px; }

.side { grid-area: side; position: sticky; top: 48px; align-self: start; height: calc(100vh - 48px); padding: 14px 8px; display: flex; flex-direction: column; border-right: 1px solid var(--line); background: var(--panel); }
.side a { display: flex; justify-content: space-between; align-items: center; padding: 6px 10px; border-radius: 6px; color: var(--text); margin-bottom: 1px; }
.side a:hover { background: var(--raised); text-decoration: none; }
.side a[aria-current] { background: var(--accent-ground); color: var(--accent); font-weight: 600; }
.side-title { padding: 18px 10px 5px; font-size: 0.8rem; color: var(--faint); }
.side-foot { margin-top: auto; padding: 8px 10px; font-size: 0.8rem; color: var(--faint); }
.count:not(:empty) { background: var(--wrong-ground); color: var(--wrong); border-radius: 9px; padding: 0 7px; font-size: 0.8rem; font-weight: 600; }

.outage { max-width: 1480px; margin: 0 auto 14px; padding: 10px 14px; border-radius: 8px; background: var(--wrong-ground); color: var(--wrong); font-weight: 600; }
/* What is shown is from before: nothing of it is good, bad, or of now. */
.silent .page {
  color: var(--faint); --text: var(--faint); --accent: var(--faint); --accent-ground: var(--raised); --series-0: var(--strong-line);
  --good: var(--faint); --good-ground: var(--raised); --warning: var(--faint); --warning-ground: var(--raised); --wrong: var(--faint); --wrong-ground: var(--raised);
}
main { grid-area: main; padding: 20px 24px 56px; min-width: 0; }
.page { max-width: 1480px; margin: 0 auto; display: flex; flex-direction: column; gap: 18px; }
.stack { display: flex; flex-direction: column; gap: 18px; min-width: 0; }
.stack.close { gap: 8px; }
.stack:empty { display: none; }
h1 button { font-weight: 400; font-size: 0.9rem; letter-spacing: 0; }
.heading { display: flex; gap: 16px; justify-content: space-between; align-items: flex-end; flex-wrap: wrap; }
.heading > div { min-width: 0; }
.lead { color: var(--faint); margin-top: 3px; max-width: 90ch; }
.clock { color: var(--faint); font-variant-numeric: tabular-nums; }
.loading, .empty { color: var(--faint); padding: 6px 0; }
.toasts { position: fixed; left: 12px; bottom: 12px; z-index: 30; display: grid; gap: 8px; max-width: min(320px, calc(100vw - 24px)); pointer-events: none; }
.toast { background: var(--text); color: var(--panel); padding: 10px 14px; border-radius: 8px; overflow-wrap: anywhere; }
.toast::first-letter { text-transform: uppercase; }
.toast.bad { background: var(--wrong); color: var(--panel); }
@media (max-width: 860px) {
  body { grid-template: "top" auto "side" auto "main" 1fr / minmax(0, 1fr); }
  .top { flex-wrap: wrap; padding: 8px 12px; gap: 8px 10px; position: static; }
  .name { min-width: 0; }
  .go-to { order: 5; flex-basis: 100%; max-width: none; }
  .side { position: sticky; top: 0; z-index: 9; height: auto; flex-direction: row; flex-wrap: wrap; padding: 5px 8px; border-right: 0; border-bottom: 1px solid var(--line); }
  .side ul { display: flex; flex-wrap: wrap; }
  .side a { white-space: nowrap; gap: 6px; margin: 0 1px; }
  .side-title, .side-foot, .name small { display: none; }
  .who small { display: none; }
  main { padding: 14px 12px 40px; }
}
@media (prefers-reduced-motion: reduce) { *, ::before, ::after { animation: none !important; transition: none !important; } }

"""##),
("styles/pages.css", ##"""
/* What single pages have. */
.sign-in { max-width: 440px; width: 100%; margin: 8vh auto 0; padding: 24px; gap: 14px; }
.problems { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; }
.problems h2.good::before { content: "✓ "; } .problems h2.bad::before { content: "! "; }
.problem { display: grid; grid-template-columns: 92px minmax(0, 1fr) auto; gap: 4px 12px; padding: 9px 0; border-top: 1px solid var(--line); align-items: start; }
.problem:first-child { margin-top: 10px; }
.problem > .badge { justify-self: start; }
.problem-do { display: flex; gap: 8px; align-items: flex-start; max-width: 420px; }
.command summary { cursor: pointer; color: var(--faint); font-size: 0.86rem; padding: 5px 0; white-space: nowrap; }
.command > div { display: flex; align-items: flex-start; gap: 4px; }
.command code { overflow-wrap: anywhere; }

.stages { display: grid; grid-template-columns: minmax(170px, 1fr) minmax(170px, 1fr) minmax(140px, 0.8fr) minmax(260px, 2fr); gap: 26px; align-items: center; }
.stage { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 11px 13px; position: relative; box-shadow: var(--shadow); min-width: 0; }
.stage.warning { border-color: var(--warning); } .stage.wrong { border-color: var(--wrong); }
.stage.old { opacity: 0.75; border-style: dashed; }
.silent .stage, .silent .stage.old { opacity: 1; border-color: var(--line); }
.stage-head { display: flex; justify-content: space-between; gap: 4px 10px; align-items: baseline; flex-wrap: wrap; }
.stage-head p { color: var(--faint); font-size: 0.82rem; overflow-wrap: anywhere; }
.stage dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(74px, 1fr)); gap: 7px 10px; margin-top: 7px; }
.figure dt { font-size: 0.78rem; color: var(--faint); }
.figure dd { font-size: 1rem; font-weight: 560; font-variant-numeric: tabular-nums; white-space: nowrap; line-height: 1.25; }
.figure.warning dd { color: var(--warning); } .figure.wrong dd { color: var(--wrong); }
.stages > .stage:not(:last-child)::after { content: ""; position: absolute; left: 100%; top: 50%; width: 26px; height: 2px; margin: -1px 0 0 1px; background: linear-gradient(90deg, var(--strong-line) 50%, transparent 50%) 0 0 / 8px 2px; animation: flow 0.9s linear infinite; }
@keyframes flow { to { background-position: 8px 0; } }
.fan > ul { display: flex; flex-direction: column; gap: 10px; }
.fan .stage { display: grid; grid-template-columns: minmax(112px, 1fr) minmax(0, 3fr); gap: 2px 12px; align-items: center; }
.fan .stage .stage-head { display: block; }
.fan .stage .spark { grid-column: 1; }
.fan .stage dl { grid-column: 2; grid-row: 1 / 3; grid-template-columns: repeat(5, minmax(max-content, 1fr)); gap: 7px 8px; margin: 0; overflow-x: auto; }
.many { align-items: start; }
.many .fan > ul { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)); }
.many .fan { grid-column: 1 / -1; }
.many.stages { grid-template-columns: repeat(3, minmax(0, 1fr)); }
.many > .stage:nth-child(3)::after { display: none; }
.many .fan .stage { display: block; }
.many .fan .stage dl { margin-top: 7px; grid-template-columns: repeat(5, minmax(44px, 1fr)); }
.spark { display: block; width: 100%; height: 26px; margin-top: 5px; }
td .spark { width: 120px; margin: 0; }
.spark .line, .chart .line { fill: none; stroke: var(--series-0); stroke-width: 1.5; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.spark .area { fill: var(--accent-ground); stroke: none; }

.heat td, .heat thead th { padding: 3px 4px; border: 0; }
.heat th[scope="row"] { border: 0; padding: 5px 12px 5px 0; vertical-align: middle; }
.heat td.number { padding-left: 12px; vertical-align: middle; }
.dense td.cell { min-width: 11px; padding: 3px 0; text-align: center; border-width: 1px !important; }
.dense thead .number { padding: 3px 0; text-align: left; }
.cell { text-align: right; font-size: 0.86rem; }
td.cell { border: 2px solid var(--panel) !important; border-radius: 6px; min-width: 28px; }
.cell.low { background: var(--good-ground); color: var(--good); } .cell.some { background: var(--warning-ground); color: var(--warning); }
.cell.high { background: var(--wrong-ground); color: var(--wrong); font-weight: 620; }
.cell.none { background: var(--raised); color: var(--text); text-decoration: line-through; }
.lanes { display: grid; grid-template-columns: minmax(0, 1.45fr) minmax(0, 1fr); gap: 18px; align-items: start; }
.problem-text p:last-child::first-letter { text-transform: uppercase; }
.legend-line { display: flex; gap: 8px; padding-top: 8px; font-size: 0.8rem; flex-wrap: wrap; }
.legend-line .cell { border-radius: 4px; padding: 0 7px; text-decoration: none; }

.slider { display: grid; grid-template-columns: auto minmax(90px, 1fr) auto minmax(0, 210px); gap: 8px; align-items: end; }
.state-of { padding-bottom: 8px; }
.sticky > .panel { scroll-margin-top: 96px; }
.history { display: flex; flex-direction: column; }
.history > li { padding: 8px 0 10px 14px; border-left: 2px solid var(--line); position: relative; }
.history > li::before { content: ""; position: absolute; left: -5px; top: 15px; width: 8px; height: 8px; border-radius: 50%; background: var(--accent); }
.event-line { display: flex; align-items: center; gap: 10px; flex-wrap: wrap; }
.event-line button { margin-left: auto; }
.version { font-variant-numeric: tabular-nums; font-weight: 620; min-width: 34px; }
@media (min-width: 1100px) { .sticky > .panel:last-child { position: sticky; top: 62px; max-height: calc(100vh - 76px); overflow: auto; } }

.way { display: grid; grid-template-columns: minmax(200px, 1fr) minmax(170px, 0.8fr) minmax(300px, 2.2fr); gap: 26px; align-items: start; }
.leg { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; position: relative; min-width: 0; box-shadow: var(--shadow); display: flex; flex-direction: column; gap: 10px; }
.leg:not(:last-child)::after { content: ""; position: absolute; left: calc(100% + 3px); top: 24px; width: 20px; height: 2px; background: var(--strong-line); }
.leg .facts { flex-direction: column; gap: 6px; }
.latency { display: inline-block; white-space: nowrap; color: var(--accent); font-weight: 560; font-size: 0.88rem; margin-left: 6px; font-variant-numeric: tabular-nums; }
.model-legs { display: flex; flex-direction: column; gap: 10px; }
.model-leg { border-left: 3px solid var(--line); padding-left: 10px; min-width: 0; display: flex; flex-direction: column; gap: 3px; }
.model-leg.good, .model-leg.wrong, .model-leg.warning { color: var(--text); }
.model-leg.good { border-color: var(--good); } .model-leg.wrong { border-color: var(--wrong); } .model-leg.warning { border-color: var(--warning); }
.row-changes > li { padding: 2px 0; }
.row-changes .changes { padding-left: 12px; }
.sign.new { color: var(--good); } .sign.gone { color: var(--wrong); }
.tree { padding-left: 6px; }
.tree .tree { padding-left: 20px; }
.tree li { padding: 3px 0 3px 14px; border-left: 2px solid var(--line); }

.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(430px, 100%), 1fr)); gap: 18px; }
.chart { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; box-shadow: var(--shadow); min-width: 0; }
.chart figcaption { font-weight: 620; margin-bottom: 6px; }
.chart svg { display: block; width: 100%; height: auto; touch-action: pan-y; border-radius: 4px; overflow: visible; }
.rule { stroke: var(--line); stroke-width: 1; }
.cursor { stroke: var(--strong-line); stroke-width: 1; stroke-dasharray: 3 3; }
.tick { fill: var(--faint); font: 11px var(--sans); font-variant-numeric: tabular-nums; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; margin-top: 6px; font-variant-numeric: tabular-nums; }
.chart .key { display: inline-block; width: 24px; height: 4px; margin-right: 7px; vertical-align: 3px; }
.chart .key .line { vector-effect: none; stroke-width: 2; }
.chart .line-0 { stroke: var(--series-0); } .chart .line-1 { stroke: var(--series-1); stroke-dasharray: 7 2; } .chart .line-2 { stroke: var(--series-2); stroke-dasharray: 3 2; }
.chart .line-3 { stroke: var(--series-3); } .chart .line-4 { stroke: var(--series-4); } .chart .line-5 { stroke: var(--series-5); }
.key-0 { background: var(--series-0); fill: var(--series-0); } .key-1 { background: var(--series-1); fill: var(--series-1); } .key-2 { background: var(--series-2); fill: var(--series-2); }
.key-3 { background: var(--series-3); fill: var(--series-3); } .key-4 { background: var(--series-4); fill: var(--series-4); } .key-5 { background: var(--series-5); fill: var(--series-5); }
.values summary { color: var(--faint); font-size: 0.86rem; cursor: pointer; padding-top: 6px; }

.bar { display: block; width: 100%; height: 10px; border-radius: 5px; }
.bar-back { fill: var(--raised); } .bar-done { fill: var(--accent); }
.differs { background: var(--warning-ground); border-radius: 4px; padding: 0 4px; }
.chosen { display: flex; gap: 12px; align-items: center; flex-wrap: wrap; background: var(--accent-ground); border-radius: 8px; padding: 6px 12px; }

@media (max-width: 1180px) {
  .stages { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  .fan { grid-column: 1 / -1; }
  .lanes { grid-template-columns: minmax(0, 1fr); }
  .stages > .stage:nth-child(3)::after { display: none; }
  .way { grid-template-columns: 1fr; gap: 14px; }
  .leg:not(:last-child)::after { left: 24px; top: 100%; width: 2px; height: 14px; }
}
@media (max-width: 700px) {
  .stages, .many.stages { grid-template-columns: minmax(0, 1fr); gap: 18px; }
  .stages > .stage:not(:last-child)::after { left: 30px; top: 100%; width: 2px; height: 18px; margin: 0; background: linear-gradient(180deg, var(--strong-line) 50%, transparent 50%) 0 0 / 2px 8px; animation-name: flow-down; }
  .stages > .stage:nth-child(3)::after { display: block; }
  .fan .stage { display: block; }
  .fan .stage dl { grid-template-columns: repeat(auto-fill, minmax(70px, 1fr)); margin-top: 7px; }
  .event-line time { order: 5; flex-basis: 100%; }
  .problem { grid-template-columns: minmax(0, 1fr); }
  .problem-do { flex-wrap: wrap; }
  .slider { grid-template-columns: auto minmax(0, 1fr) auto; }
  .slider > .field:last-child { grid-column: 1 / -1; }
  .filters > .field { flex-basis: 130px; max-width: none; }
  .tabs button { padding: 6px 10px; }
  .heat thead { position: absolute; clip-path: inset(50%); height: 1px; width: 1px; overflow: hidden; }
  .heat, .heat tbody { display: block; }
  .heat tr { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 3px; padding: 8px 0; }
  .heat.dense tr { grid-template-columns: repeat(16, minmax(0, 1fr)); gap: 1px; }
  .heat th[scope="row"], .heat td.number { grid-column: span 2; padding: 0; }
  .heat.dense th[scope="row"], .heat.dense td.number { grid-column: 1 / -1; text-align: left; }
  .heat td.cell { min-width: 0; border-width: 0 !important; padding: 1px 3px; }
  .heat:not(.dense) td::before { content: attr(data-title); display: block; font-size: 0.72rem; font-weight: 400; }
}
@keyframes flow-down { to { background-position: 0 8px; } }

"""##),
("styles/parts.css", ##"""
/* What pages are made of: panels, tables, forms, dialogs, values. */
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; box-shadow: var(--shadow); min-width: 0; display: flex; flex-direction: column; gap: 10px; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 18px; align-items: start; }
.faint { color: var(--faint); }
.hint { color: var(--faint); font-size: 0.86rem; }
.mono, code, pre, kbd { font-family: var(--mono); font-size: 0.92em; }
.good { color: var(--good); } .bad { color: var(--wrong); }
.badge { display: inline-block; padding: 1px 8px; border-radius: 9px; font-size: 0.8rem; font-weight: 600; background: var(--raised); color: var(--text); white-space: nowrap; }
.badge.good { background: var(--good-ground); color: var(--good); }
.badge.warning { background: var(--warning-ground); color: var(--warning); }
.badge.wrong { background: var(--wrong-ground); color: var(--wrong); }
kbd { border: 1px solid var(--line); border-bottom-width: 2px; border-radius: 4px; padding: 0 5px; background: var(--panel); color: var(--faint); font-size: 0.8rem; margin-left: 4px; }

/* Values from outside never push a page apart, and marks on letters stay within their line. */
.value { overflow-wrap: anywhere; white-space: pre-wrap; unicode-bidi: isolate; }
.cut { overflow-wrap: anywhere; }
@media (min-width: 701px) { .short-text .value { white-space: pre; } }
.long-box { max-width: 100%; }
.long { max-height: 320px; overflow: auto; padding: 10px; background: var(--ground); border: 1px solid var(--line); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; }
button.more { border: 0; background: none; color: var(--accent); padding: 0; min-height: 24px; text-decoration: underline; }

.scroll { position: relative; overflow-x: auto; margin: 0 -4px; padding: 0 4px; }
.scroll.short { max-height: 260px; overflow-y: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 12px 5px 0; vertical-align: top; border-bottom: 1px solid var(--line); font-weight: 400; line-height: 1.4; overflow: hidden; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { color: var(--faint); font-size: 0.83rem; white-space: nowrap; vertical-align: bottom; }
.number { text-align: right; white-space: nowrap; }
.number + td:not(.number), .number + th:not(.number) { padding-left: 12px; }
.panel > button { align-self: flex-start; }
th:last-child, td:last-child { padding-right: 0; }
th[scope="row"] { min-width: 110px; }
.small { font-size: 0.86rem; }
.calm { color: var(--faint); }
.wide { min-width: 150px; max-width: 460px; }
tbody tr:hover { background: color-mix(in srgb, var(--raised) 55%, transparent); }
tr.old { background: var(--wrong-ground); }
td .buttons { flex-wrap: nowrap; gap: 4px; }
td button:not(.sort, .more) { min-height: 26px; padding: 1px 9px; margin: -1px 0; }
.sort { border: 0; background: none; padding: 0; font: inherit; color: inherit; min-height: 24px; }
.sort:hover { color: var(--text); text-decoration: underline; }
.table-head { display: flex; justify-content: space-between; align-items: center; gap: 12px; flex-wrap: wrap; }

.failure::first-letter, .failure p::first-letter { text-transform: uppercase; }
.facts { display: flex; flex-wrap: wrap; gap: 8px 28px; }
.facts dt { color: var(--faint); font-size: 0.83rem; }
.facts dd { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }

button, .button, input, select { font: inherit; color: inherit; min-height: 32px; border-radius: 6px; border: 1px solid var(--strong-line); background: var(--panel); padding: 4px 10px; }
button, .button { cursor: pointer; display: inline-flex; align-items: center; justify-content: center; white-space: nowrap; color: var(--text); }
button:hover, .button:hover { background: var(--raised); text-decoration: none; }
button:disabled { cursor: default; opacity: 0.6; }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; }
button.primary:hover { filter: brightness(1.08); }
button.primary.danger { background: var(--wrong); border-color: var(--wrong); color: var(--panel); }
button.quiet { border-color: transparent; background: none; color: var(--faint); padding: 2px 7px; min-height: 28px; }
button.quiet:hover { background: var(--raised); color: var(--text); }
button.danger:not(.primary) { color: var(--wrong); }
.buttons { display: flex; gap: 8px; flex-wrap: wrap; align-items: center; }
input::placeholder { color: var(--faint); opacity: 1; }
input[type="checkbox"] { min-height: 0; width: 16px; height: 16px; accent-color: var(--accent); vertical-align: -3px; }
input[type="range"] { padding: 0; accent-color: var(--accent); border: 0; background: none; width: 100%; }
.field { display: flex; flex-direction: column; gap: 3px; min-width: 0; }
.field label { font-size: 0.83rem; color: var(--faint); }
.filters { display: flex; flex-wrap: wrap; gap: 10px 12px; align-items: flex-start; }
.filters > .field { flex: 1 1 150px; max-width: 260px; }
.filters > button { margin-top: 22px; }
.filters input, .filters select { width: 100%; }
.tabs { display: flex; gap: 2px; border-bottom: 1px solid var(--line); overflow-x: auto; }
.tabs button { border: 0; border-radius: 6px 6px 0 0; border-bottom: 2px solid transparent; background: none; color: var(--faint); padding: 6px 14px; }
.tabs button[aria-selected="true"] { color: var(--accent); border-bottom-color: var(--accent); font-weight: 600; }

.failure { background: var(--wrong-ground); color: var(--wrong); padding: 10px 14px; border-radius: 8px; overflow-wrap: anywhere; }
.failure button { margin-top: 8px; }
dialog { width: min(640px, calc(100vw - 24px)); max-height: calc(100vh - 40px); border: 1px solid var(--line); border-radius: 12px; padding: 0; background: var(--panel); color: var(--text); box-shadow: 0 18px 60px rgb(0 0 0 / 35%); }
/* Shadows where there is more above or below: scroll bars may be hidden. */
dialog .scroll {
  max-height: 42vh; overflow-y: auto;
  background: linear-gradient(var(--panel) 40%, transparent) top / 100% 34px no-repeat local, linear-gradient(transparent, var(--panel) 60%) bottom / 100% 34px no-repeat local,
    linear-gradient(var(--strong-line), transparent) top / 100% 9px no-repeat scroll, linear-gradient(transparent, var(--strong-line)) bottom / 100% 9px no-repeat scroll;
}
dialog::backdrop { background: rgb(8 12 16 / 55%); }
dialog form { display: flex; flex-direction: column; gap: 14px; padding: 20px; }
dialog h2 { font-size: 1.1rem; overflow-wrap: anywhere; }
.dialog-body { display: flex; flex-direction: column; gap: 12px; }
dialog form > .buttons { justify-content: flex-end; }
.equivalent { background: var(--ground); border: 1px solid var(--line); border-radius: 8px; padding: 8px 10px; }
.equivalent p { font-size: 0.83rem; color: var(--faint); }
.equivalent > div { display: flex; align-items: flex-start; gap: 8px; justify-content: space-between; }
.equivalent code { overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; padding: 4px 0; min-width: 0; }
.keys th { width: 90px; }
.check { display: flex; align-items: center; gap: 6px; }

.json-box { min-width: 0; }
.json li { padding: 1px 4px; border-radius: 4px; overflow-wrap: anywhere; }
.json details > div { padding-left: 12px; border-left: 1px solid var(--line); margin-left: 4px; }
.json-name { color: var(--faint); font-family: var(--mono); font-size: 0.92em; margin-right: 4px; }
.json .changed { background: var(--accent-ground); }
.json-word { font-family: var(--mono); font-size: 0.92em; }
.was { color: var(--faint); font-size: 0.88em; }
.json summary { cursor: pointer; }
.json details[open] > summary .preview { display: none; }
.preview { color: var(--faint); font-size: 0.92em; }
.changes { display: flex; flex-direction: column; gap: 2px; font-size: 0.92em; }
.changes li { overflow-wrap: anywhere; }
del { color: var(--wrong); background: var(--wrong-ground); border-radius: 3px; padding: 0 3px; }
ins { color: var(--good); background: var(--good-ground); border-radius: 3px; padding: 0 3px; text-decoration: none; }

/* In a narrow window a row is a card: its first cell is the title, the others stand in two columns with their titles. */
@media (max-width: 700px) {
  .cards, .cards tbody, .cards tr { display: block; }
  .cards thead { position: absolute; clip-path: inset(50%); height: 1px; width: 1px; overflow: hidden; }
  .cards tr { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 4px 12px; padding: 8px 0; border-bottom: 1px solid var(--line); }
  .cards tbody tr:last-child { border-bottom: 0; }
  .cards th, .cards td { display: block; border: 0; padding: 0; min-width: 0; max-width: none; text-align: left; white-space: normal; }
  .cards th[scope="row"], .cards td.wide { grid-column: 1 / -1; }
  .cards td::before { content: attr(data-title); display: block; font-size: 0.78rem; color: var(--faint); }
  .cards td:empty { display: none; }
  .cards th[scope="row"] { font-weight: 600; }
}

"""##),
  ]
}
